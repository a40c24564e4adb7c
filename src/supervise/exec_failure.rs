//! Why a program could not be executed. The kernel says `no such file` of a file that is there, too: of a script whose
//! interpreter is missing, and of a binary whose loader is.

use crate::elf::Elf;
use crate::{error, exit, sys};
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

/// The exit code that shells give, the cause, and the cure.
#[derive(Debug, PartialEq, Eq)]
pub struct ExecFailure {
    /// 127 or 126, or 71 where it is not the file's fault.
    pub code: u8,
    /// The end of a sentence.
    pub cause: String,
    /// What to do.
    pub hint: &'static str,
}

/// `std` has no name for it.
pub(super) const ENOEXEC: i32 = 8;
const ENOENT: i32 = 2;
const EACCES: i32 = 13;

impl ExecFailure {
    /// Looks at the file that was to be executed; `None`: none was found.
    #[must_use]
    pub fn explain(file: Option<&Path>, error: &io::Error) -> Self {
        let head = file.map(head).unwrap_or_default();
        let missing = |cause, hint| Self { code: exit::NOT_FOUND, cause, hint };
        let unfit = |cause: &str, hint| Self { code: exit::NOT_EXECUTABLE, cause: cause.to_owned(), hint };
        match (error.kind(), file) {
            (io::ErrorKind::NotFound, Some(file)) => match needed(file, &head) {
                Some(Needed::Interpreter(name)) if name.ends_with('\r') => {
                    missing("its first line ends with a carriage return".into(), "save the script with Unix line ends")
                }
                Some(Needed::Interpreter(name)) => missing(
                    format!("its interpreter {name} is not in this image"),
                    "install it, or correct the script's first line",
                ),
                Some(Needed::Loader(name)) => missing(
                    format!("its loader {name} is not in this image"),
                    "it was built for another C library, musl or glibc: build it on the same base image",
                ),
                None => missing(error::cause(error), "is the path right, from the working directory on?"),
            },
            (io::ErrorKind::NotFound, None) => {
                missing(error::cause(error), "is the path right, from the working directory on?")
            }
            (io::ErrorKind::OutOfMemory | io::ErrorKind::WouldBlock, _) => Self {
                code: exit::OS,
                cause: error::cause(error),
                hint: "the container is at its limit of processes or memory",
            },
            (io::ErrorKind::ArgumentListTooLong, _) => Self {
                code: exit::OS,
                cause: error::cause(error),
                hint: "the environment is too large; in a namespace of many services set enableServiceLinks: false",
            },
            _ if error.raw_os_error() == Some(ENOEXEC) && head.starts_with(ELF) => {
                let here = std::env::consts::ARCH;
                let machines = file.and_then(Elf::read).and_then(|elf| elf.machine).filter(|machine| *machine != here);
                let machines = machines.map(|machine| format!(": {machine}, and this one is {here}"));
                unfit(
                    &format!("it is a binary for another machine{}", machines.unwrap_or_default()),
                    "build the image for this machine: docker build --platform linux/ARCH",
                )
            }
            _ if error.raw_os_error() == Some(ENOEXEC) => unfit(
                "it has no first line #! and there is no /bin/sh to take it",
                "give the script an interpreter: #!/path",
            ),
            (_, Some(file)) if file.is_dir() => unfit("it is a directory", "name the file in it"),
            (_, Some(file)) if !sys::may_execute(file) => {
                unfit("this user has no right to execute it", "chmod +x it in the image, or run as another user")
            }
            _ => unfit(
                &error::cause(error),
                "is it on a volume that is mounted noexec, or is its interpreter not executable?",
            ),
        }
    }
}

impl ExecFailure {
    /// What can be told before it is tried. `None`: nothing speaks against it.
    #[must_use]
    pub fn foresee(file: Option<&Path>) -> Option<Self> {
        let fails = |errno| Some(Self::explain(file, &io::Error::from_raw_os_error(errno)));
        let Some(path) = file else { return fails(ENOENT) };
        if path.is_dir() || !sys::may_execute(path) {
            return fails(EACCES);
        }
        let head = head(path);
        let machine = Elf::read(path).and_then(|elf| elf.machine);
        match needed(path, &head) {
            _ if machine.is_some_and(|machine| machine != std::env::consts::ARCH && machine != "x86") => fails(ENOEXEC),
            Some(Needed::Interpreter(name) | Needed::Loader(name)) if !Path::new(&name).exists() => fails(ENOENT),
            None if !head.starts_with(ELF) && !Path::new("/bin/sh").exists() => fails(ENOEXEC),
            _ => None,
        }
    }
}

/// Whether a shell could make something of the file: it is there, and no binary.
pub(super) fn may_be_script(file: &Path) -> bool {
    file.is_file() && !head(file).starts_with(ELF)
}

enum Needed {
    Interpreter(String),
    Loader(String),
}

const ELF: &[u8] = b"\x7fELF";

/// What the kernel would need besides the file itself.
fn needed(file: &Path, head: &[u8]) -> Option<Needed> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if let Some(line) = head.strip_prefix(b"#!") {
        let line = line.split(|byte| *byte == b'\n').next()?.trim_ascii_start();
        return Some(Needed::Interpreter(text(line.split(|byte| *byte == b' ').next()?)));
    }
    Elf::read(file)?.loader.map(Needed::Loader)
}

fn head(path: &Path) -> Vec<u8> {
    let mut head = Vec::new();
    if path.is_file()
        && let Ok(file) = File::open(path)
    {
        // What could be read serves; an error here is not the one to report.
        let _ = file.take(4096).read_to_end(&mut head);
    }
    head
}

#[cfg(test)]
mod tests {
    use super::*;

    fn explain(contents: &[u8], errno: i32) -> ExecFailure {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), contents).unwrap();
        ExecFailure::explain(Some(file.path()), &io::Error::from_raw_os_error(errno))
    }

    const X86: u8 = 3;
    const RISCV64: u8 = 243;

    /// A shell whose loader is nowhere.
    fn without_loader() -> Vec<u8> {
        let mut elf = std::fs::read("/bin/sh").unwrap();
        let at = elf.windows(6).position(|part| part == b"/ld-li" || part == b"/ld-mu").expect("a loader");
        elf[at + 1..at + 6].copy_from_slice(b"no-ne");
        elf
    }

    /// As much of a program of this machine as names the machine.
    fn own_head() -> Vec<u8> {
        std::fs::read("/bin/sh").unwrap()[..20].to_owned()
    }

    fn for_machine(number: u8) -> Vec<u8> {
        [&own_head()[..18], &[number, 0]].concat()
    }

    #[test]
    fn what_is_missing_is_named() {
        assert_eq!(explain(b"#! /bin/nosh -e\n", 2).cause, "its interpreter /bin/nosh is not in this image");
        assert_eq!(explain(b"#!/bin/sh\r\n", 2).cause, "its first line ends with a carriage return");
        let elf = without_loader();
        assert!(explain(&elf, 2).cause.ends_with(" is not in this image"), "{:?}", explain(&elf, 2));
        assert!(explain(&elf, 2).cause.starts_with("its loader /lib"), "{:?}", explain(&elf, 2));
        assert_eq!((explain(&elf, 2).code, explain(b"", 2).code), (127, 127));
    }

    #[test]
    fn what_cannot_be_executed_is_126() {
        assert_eq!(explain(b"\x7fELF\x02", ENOEXEC).cause, "it is a binary for another machine");
        let here = std::env::consts::ARCH;
        let strange = format!("it is a binary for another machine: riscv64, and this one is {here}");
        assert_eq!(explain(&for_machine(RISCV64), ENOEXEC).cause, strange);
        // Not so strange that a kernel would say so.
        assert_eq!(explain(&own_head(), ENOEXEC).cause, "it is a binary for another machine");
        assert_eq!(explain(b"exit 1\n", ENOEXEC).code, 126);
        let directory = ExecFailure::explain(Some(Path::new("/")), &io::Error::from_raw_os_error(13));
        assert_eq!((directory.code, directory.cause.as_str()), (126, "it is a directory"));
        assert_eq!(explain(b"#!/bin/sh\n", 13).cause, "this user has no right to execute it");
        let executable = ExecFailure::explain(Some(Path::new("/bin/sh")), &io::Error::from_raw_os_error(13));
        assert_eq!((executable.code, executable.cause.as_str()), (126, "permission denied"));
        assert!(executable.hint.contains("mounted noexec"));
    }

    #[test]
    fn much_can_be_told_before_it_is_tried() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let code = |path: &Path| ExecFailure::foresee(Some(path)).map(|failure| failure.code);
        assert_eq!([code(Path::new("/bin/sh")), code(Path::new("/")), code(file.path())], [None, Some(126), Some(126)]);
        std::fs::set_permissions(file.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let contents: [(&[u8], Option<u8>); 5] = [
            (b"#!/nonexistent\n", Some(127)),
            (&without_loader(), Some(127)),
            (&for_machine(RISCV64), Some(126)),
            // A 64-bit kernel may run it.
            (&for_machine(X86), None),
            (b"exit 1\n", None),
        ];
        for (contents, expected) in contents {
            std::fs::write(file.path(), contents).unwrap();
            assert_eq!(
                code(file.path()),
                expected,
                "{:?}",
                String::from_utf8_lossy(&contents[..contents.len().min(20)])
            );
        }
        assert_eq!(ExecFailure::foresee(None).map(|failure| failure.code), Some(127));
    }

    #[test]
    fn a_system_at_its_limits_is_71() {
        assert_eq!((explain(b"", 11).code, explain(b"", 12).code, explain(b"", 7).code), (71, 71, 71));
    }
}
