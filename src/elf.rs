//! What a program's file says of itself: for which machine it is, which loader it wants, which C library.
//!
//! Pure: no I/O, no clock.

/// The beginning of an ELF file, or the whole of it.
#[derive(Clone, Copy, Debug)]
pub struct Elf<'a>(&'a [u8]);

/// The machines that containers run on, by their number in ELF and their name in Rust.
const MACHINES: [(u16, &str); 7] =
    [(3, "x86"), (21, "powerpc64"), (22, "s390x"), (40, "arm"), (62, "x86_64"), (183, "aarch64"), (243, "riscv64")];

impl<'a> Elf<'a> {
    /// `None`: these bytes are no ELF file.
    #[must_use]
    pub fn read(bytes: &'a [u8]) -> Option<Self> {
        bytes.starts_with(b"\x7fELF").then_some(Self(bytes))
    }

    /// The machine that it is for, as Rust calls it.
    #[must_use]
    pub fn machine(self) -> Option<&'static str> {
        let number: [u8; 2] = self.0.get(18..20)?.try_into().ok()?;
        let number = if self.0.get(5) == Some(&2) { u16::from_be_bytes(number) } else { u16::from_le_bytes(number) };
        MACHINES.iter().find(|(machine, _)| *machine == number).map(|(_, name)| *name)
    }

    /// The path of its loader; none for a static program.
    #[must_use]
    pub fn loader(self) -> Option<String> {
        // A string of its own near the beginning of the file.
        let mut strings = self.0.split(|byte| *byte == 0);
        let path = strings.find(|bytes| bytes.starts_with(b"/") && bytes.windows(4).any(|part| part == b"/ld-"))?;
        Some(String::from_utf8_lossy(path).into_owned())
    }

    /// The newest version of glibc's interfaces that it names, as `(2, 34)`: a program those that it needs, the library
    /// itself those that it has.
    #[must_use]
    pub fn glibc(self) -> Option<(u32, u32)> {
        const MARK: &[u8] = b"GLIBC_";
        let named = self.0.split(|byte| *byte == 0).filter_map(|bytes| bytes.strip_prefix(MARK));
        named.filter_map(|version| parse(std::str::from_utf8(version).ok()?)).max()
    }
}

/// `2.34`; also `2.2.5`, which is older than all that matters.
fn parse(version: &str) -> Option<(u32, u32)> {
    let mut numbers = version.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_file_says_of_itself() {
        let mut bytes = b"\x7fELF\x02\x01\x01".to_vec();
        bytes.resize(18, 0);
        bytes.extend([183, 0]);
        bytes.extend(b"\0/lib/ld-linux-aarch64.so.1\0libc.so.6\0GLIBC_2.2.5\0GLIBC_2.34\0GLIBC_2.9\0GLIBC_PRIVATE\0");
        let elf = Elf::read(&bytes).unwrap();
        assert_eq!(elf.machine(), Some("aarch64"));
        assert_eq!(elf.loader().as_deref(), Some("/lib/ld-linux-aarch64.so.1"));
        assert_eq!(elf.glibc(), Some((2, 34)));
        bytes[5] = 2;
        assert_eq!(Elf::read(&bytes).unwrap().machine(), None);
        assert!(Elf::read(b"#!/bin/sh").is_none() && Elf::read(b"").is_none());
        let short = Elf::read(b"\x7fELF").unwrap();
        assert_eq!((short.machine(), short.loader(), short.glibc()), (None, None, None));
    }
}
