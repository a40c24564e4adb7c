//! What an executable file says about itself: for which machine it is, and which loader and C library it needs.

use elf::ElfStream;
use elf::abi::{PT_INTERP, SHT_DYNSYM};
use elf::endian::AnyEndian;
use std::fs::File;
use std::path::Path;

/// What is known from an ELF file.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct ElfFile {
    /// The machine that it is for, as Rust calls it, if it is one that containers run on.
    pub(crate) machine: Option<&'static str>,
    /// The path of its loader. A static program and a library have none.
    pub(crate) loader: Option<String>,
    /// The newest version of glibc's interfaces that it names, as `(2, 34)`: a program those that it needs, the library
    /// itself those that it has.
    pub(crate) glibc: Option<(u32, u32)>,
}

/// By their number in ELF.
const MACHINES: [(u16, &str); 7] =
    [(3, "x86"), (21, "powerpc64"), (22, "s390x"), (40, "arm"), (62, "x86_64"), (183, "aarch64"), (243, "riscv64")];

impl ElfFile {
    /// Reads it. `None`: there is no such file, or it is not an ELF file.
    pub(crate) fn read(path: &Path) -> Option<Self> {
        if !path.is_file() {
            return None;
        }
        let mut file = ElfStream::<AnyEndian, _>::open_stream(File::open(path).ok()?).ok()?;
        let machine = MACHINES.iter().find(|(number, _)| *number == file.ehdr.e_machine).map(|(_, name)| *name);
        Some(Self { machine, loader: loader(&mut file), glibc: glibc(&mut file) })
    }
}

/// More than a path or the names of a library take is not read.
const ENOUGH: u64 = 1 << 20;

fn loader(file: &mut ElfStream<AnyEndian, File>) -> Option<String> {
    let segment = *file.segments().iter().find(|segment| segment.p_type == PT_INTERP && segment.p_filesz <= ENOUGH)?;
    let path = file.segment_data(&segment).ok()?;
    Some(String::from_utf8_lossy(path.split(|byte| *byte == 0).next()?).into_owned())
}

/// The versions are among the names of the symbols that the loader looks at.
fn glibc(file: &mut ElfStream<AnyEndian, File>) -> Option<(u32, u32)> {
    let sections = file.section_headers();
    let symbols = sections.iter().find(|section| section.sh_type == SHT_DYNSYM)?;
    let names = *sections.get(symbols.sh_link as usize).filter(|names| names.sh_size <= ENOUGH)?;
    let (names, _) = file.section_data(&names).ok()?;
    names.split(|byte| *byte == 0).filter_map(glibc_version).max()
}

/// `GLIBC_2.34`; also `GLIBC_2.2.5`, which is older than all that matters.
fn glibc_version(name: &[u8]) -> Option<(u32, u32)> {
    let mut numbers = std::str::from_utf8(name.strip_prefix(b"GLIBC_")?).ok()?.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Option<ElfFile> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        ElfFile::read(file.path())
    }

    #[test]
    fn a_program_names_its_machine_its_loader_and_its_c_library() {
        let elf = ElfFile::read(Path::new("/bin/sh")).unwrap();
        assert_eq!(elf.machine, Some(std::env::consts::ARCH));
        let loader = elf.loader.unwrap();
        assert!(Path::new(&loader).exists(), "{loader}");
        assert_eq!(elf.glibc.is_some(), !loader.contains("musl"));
    }

    #[test]
    fn what_is_cut_short_or_wrong_says_less() {
        let whole = std::fs::read("/bin/sh").unwrap();
        for length in (0..whole.len()).step_by(997) {
            assert_eq!(read(&whole[..length]), None, "the sections are at its end");
        }
        for at in 0..1024 {
            let mut wrong = whole.clone();
            wrong[at] = 0xff;
            let _ = read(&wrong);
        }
        assert_eq!(read(b"#!/bin/sh\n"), None);
        assert_eq!(ElfFile::read(Path::new("/nonexistent")), None);
    }

    #[test]
    fn versions_of_glibc_are_numbers() {
        assert_eq!(glibc_version(b"GLIBC_2.9"), Some((2, 9)));
        assert!(glibc_version(b"GLIBC_2.2.5") < glibc_version(b"GLIBC_2.34"));
        assert_eq!(glibc_version(b"GLIBC_PRIVATE"), None);
    }

    /// A head without segments or sections.
    #[test]
    fn a_big_endian_machine_is_known() {
        let mut head = b"\x7fELF\x02\x02\x01".to_vec();
        head.resize(16, 0);
        head.extend([0, 2, 0, 22, 0, 0, 0, 1]);
        head.resize(64, 0);
        assert_eq!(read(&head), Some(ElfFile { machine: Some("s390x"), ..ElfFile::default() }));
    }
}
