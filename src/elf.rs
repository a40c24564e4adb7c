//! What a program's file says of itself: for which machine it is, which loader and which libraries it wants.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

/// The head of an ELF file. Of 32-bit and big-endian ones no more than the machine is read.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Elf {
    /// The machine that it is for, as Rust calls it, if it is one that containers run on.
    pub machine: Option<&'static str>,
    /// The path of its loader; none for a static program or a library.
    pub loader: Option<String>,
    /// The libraries that it names.
    pub libraries: Vec<String>,
    /// Whether it names folders of its own to look for them.
    pub has_own_folders: bool,
    /// The newest version of glibc's interfaces that it names, as `(2, 34)`: a program those that it needs, the library
    /// itself those that it has.
    pub glibc: Option<(u32, u32)>,
}

/// By their number in ELF.
const MACHINES: [(u16, &str); 7] =
    [(3, "x86"), (21, "powerpc64"), (22, "s390x"), (40, "arm"), (62, "x86_64"), (183, "aarch64"), (243, "riscv64")];

/// Types of segments, and tags of the dynamic section, as elf(5) names them.
const PT_LOAD: u64 = 1;
const PT_DYNAMIC: u64 = 2;
const PT_INTERP: u64 = 3;
const DT_NEEDED: u64 = 1;
const DT_STRTAB: u64 = 5;
const DT_STRSZ: u64 = 10;
const DT_RPATH: u64 = 15;
const DT_RUNPATH: u64 = 29;

/// A part of the file, and where it will lie in memory.
struct Segment {
    kind: u64,
    offset: u64,
    address: u64,
    length: u64,
}

impl Elf {
    /// Reads it. `None`: there is no such file, or it is no ELF file.
    #[must_use]
    pub fn read(path: &Path) -> Option<Self> {
        if !path.is_file() {
            return None;
        }
        let file = File::open(path).ok()?;
        let head = bytes(&file, 0, 64).or_else(|| bytes(&file, 0, 20))?;
        let [class, order] = *head.get(4..6)? else { return None };
        if !head.starts_with(b"\x7fELF") {
            return None;
        }
        let machine: [u8; 2] = head.get(18..20)?.try_into().ok()?;
        let machine = if order == 2 { u16::from_be_bytes(machine) } else { u16::from_le_bytes(machine) };
        let machine = MACHINES.iter().find(|(number, _)| *number == machine).map(|(_, name)| *name);
        let known = Self { machine, ..Self::default() };
        let dynamic = (class == 2 && order == 1).then(|| known.with_segments(&file, &head)).flatten();
        Some(dynamic.unwrap_or(Self { machine, ..Self::default() }))
    }

    fn with_segments(mut self, file: &File, head: &[u8]) -> Option<Self> {
        let (at, size, count) = (number(head, 32, 8)?, number(head, 54, 2)?, number(head, 56, 2)?);
        let table = bytes(file, at, size.checked_mul(count)?)?;
        let segment = |entry: &[u8]| {
            let (kind, offset) = (number(entry, 0, 4)?, number(entry, 8, 8)?);
            Some(Segment { kind, offset, address: number(entry, 16, 8)?, length: number(entry, 32, 8)? })
        };
        let segments: Vec<_> = table.chunks(usize::try_from(size).ok()?.max(1)).filter_map(segment).collect();
        let part = |kind| {
            let segment = segments.iter().find(|segment| segment.kind == kind)?;
            bytes(file, segment.offset, segment.length)
        };
        self.loader = part(PT_INTERP).map(|path| text(&path, 0));
        let Some(dynamic) = part(PT_DYNAMIC) else { return Some(self) };
        let entries: Vec<_> =
            dynamic.chunks(16).filter_map(|entry| Some((number(entry, 0, 8)?, number(entry, 8, 8)?))).collect();
        let value = |tag| entries.iter().find(|(found, _)| *found == tag).map(|(_, value)| *value);
        let (address, length) = (value(DT_STRTAB)?, value(DT_STRSZ)?);
        let holds = |segment: &&Segment| {
            segment.kind == PT_LOAD
                && (segment.address..segment.address.saturating_add(segment.length)).contains(&address)
        };
        let segment = segments.iter().find(holds)?;
        let names = bytes(file, (address - segment.address).checked_add(segment.offset)?, length)?;
        let needed = entries.iter().filter(|(tag, _)| *tag == DT_NEEDED);
        self.libraries = needed.map(|(_, at)| text(&names, *at)).filter(|name| !name.is_empty()).collect();
        self.has_own_folders = [DT_RPATH, DT_RUNPATH].into_iter().any(|tag| value(tag).is_some());
        self.glibc = names.split(|byte| *byte == 0).filter_map(glibc_version).max();
        Some(self)
    }
}

/// So many bytes of the file; more than a table or the names of a library take are not read.
fn bytes(file: &File, offset: u64, length: u64) -> Option<Vec<u8>> {
    const ENOUGH: u64 = 1 << 20;
    let mut bytes = vec![0; usize::try_from(length).ok().filter(|_| length <= ENOUGH)?];
    file.read_exact_at(&mut bytes, offset).ok()?;
    Some(bytes)
}

/// A little-endian number of so many bytes.
fn number(bytes: &[u8], at: usize, length: usize) -> Option<u64> {
    Some(bytes.get(at..at + length)?.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

/// The text up to the next NUL.
fn text(bytes: &[u8], at: u64) -> String {
    let rest = usize::try_from(at).ok().and_then(|at| bytes.get(at..)).unwrap_or_default();
    String::from_utf8_lossy(rest.split(|byte| *byte == 0).next().unwrap_or_default()).into_owned()
}

/// `GLIBC_2.34`; also `GLIBC_2.2.5`, which is older than all that matters.
fn glibc_version(name: &[u8]) -> Option<(u32, u32)> {
    let mut numbers = std::str::from_utf8(name.strip_prefix(b"GLIBC_")?).ok()?.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Option<Elf> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        Elf::read(file.path())
    }

    /// A file for aarch64 with a loader, a library and these names, all in one segment.
    fn file(names: &[u8]) -> Vec<u8> {
        const LOADER: &[u8] = b"/lib/ld-linux-aarch64.so.1\0";
        let words = |words: &[u64]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<_>>();
        let (loader, names) = (LOADER.to_vec(), [b"\0libc.so.6\0", names].concat());
        let (first, second) = (64 + 3 * 56, 64 + 3 * 56 + loader.len() as u64);
        let end = second + names.len() as u64;
        let dynamic = words(&[DT_NEEDED, 1, DT_STRTAB, 0x1000 + second, DT_STRSZ, names.len() as u64, 0, 0]);
        let mut all = b"\x7fELF\x02\x01\x01".to_vec();
        all.resize(18, 0);
        all.extend([183, 0]);
        all.resize(32, 0);
        all.extend(words(&[64, 0]));
        all.resize(54, 0);
        all.extend([56, 0, 3, 0]);
        all.resize(64, 0);
        for (kind, offset, length) in
            [(PT_LOAD, 0, end), (PT_INTERP, first, loader.len() as u64), (PT_DYNAMIC, end, dynamic.len() as u64)]
        {
            all.extend(words(&[kind, offset, 0x1000 + offset, 0, length, length, 0]));
        }
        [all, loader, names, dynamic].concat()
    }

    #[test]
    fn what_a_file_says_of_itself() {
        let elf = read(&file(b"GLIBC_2.2.5\0GLIBC_2.34\0GLIBC_2.9\0GLIBC_PRIVATE\0")).unwrap();
        assert_eq!(elf.machine, Some("aarch64"));
        assert_eq!(elf.loader.as_deref(), Some("/lib/ld-linux-aarch64.so.1"));
        assert_eq!((elf.libraries, elf.has_own_folders), (vec!["libc.so.6".to_owned()], false));
        assert_eq!(elf.glibc, Some((2, 34)));
    }

    #[test]
    fn what_is_cut_short_or_wrong_says_less() {
        let whole = file(b"GLIBC_2.34\0");
        for length in 0..whole.len() {
            let elf = read(&whole[..length]);
            assert_eq!(elf.is_some(), length >= 20, "{length}");
            assert!(elf.is_none_or(|elf| elf.glibc.is_none()), "{length}");
        }
        for at in 0..whole.len() {
            let mut wrong = whole.clone();
            wrong[at] = 0xff;
            let _ = read(&wrong);
        }
        assert_eq!(read(b"#!/bin/sh\n").map(drop), None);
        assert_eq!(Elf::read(Path::new("/nonexistent")), None);
    }

    #[test]
    fn a_big_endian_machine_is_known() {
        let mut bytes = file(b"");
        (bytes[5], bytes[18], bytes[19]) = (2, 0, 22);
        assert_eq!(read(&bytes), Some(Elf { machine: Some("s390x"), ..Elf::default() }));
    }
}
