//! Whether a program can be executed, and if not, why. The kernel says "no such file" also of a file that exists: of a
//! script whose interpreter is missing, and of a binary whose loader is.

use crate::elf_file::ElfFile;
use crate::error::{Error, Stage};
use crate::{error, exit, sys};
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

/// The exit code that shells give, the cause, and the cure.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ExecFailure {
    /// 127 or 126, or 71 where the file is not to blame.
    pub(crate) code: u8,
    /// The end of a sentence.
    pub(crate) cause: String,
    pub(crate) hint: &'static str,
}

/// `std` has no name for it.
pub(crate) const ENOEXEC: i32 = 8;
const ELF_MAGIC: &[u8] = b"\x7fELF";

impl ExecFailure {
    /// What the kernel's error means for `file`; `None`: no file was found.
    pub(crate) fn explain(file: Option<&Path>, error: &io::Error) -> Self {
        let cause = error::cause(error);
        match error.kind() {
            io::ErrorKind::OutOfMemory | io::ErrorKind::WouldBlock => {
                return Self::new(exit::OS, cause, "the container is at its limit of processes or memory");
            }
            io::ErrorKind::ArgumentListTooLong => {
                const HINT: &str =
                    "the environment is too large; in a namespace of many services set enableServiceLinks: false";
                return Self::new(exit::OS, cause, HINT);
            }
            _ => {}
        }
        if let Some(failure) = Self::foresee(file) {
            return failure;
        }
        match (error.raw_os_error(), file) {
            (Some(ENOEXEC), Some(file)) if is_binary(file) => Self::other_machine(file),
            (Some(ENOEXEC), _) => Self::no_shell(),
            _ if error.kind() == io::ErrorKind::NotFound => Self::not_found(),
            _ => {
                const HINT: &str = "is it on a volume that is mounted noexec, or is its interpreter not executable?";
                Self::new(exit::NOT_EXECUTABLE, cause, HINT)
            }
        }
    }

    /// What will go wrong, as far as the file shows it. `None`: nothing.
    pub(crate) fn foresee(file: Option<&Path>) -> Option<Self> {
        let Some(file) = file.filter(|file| file.exists()) else { return Some(Self::not_found()) };
        if file.is_dir() {
            return Some(Self::new(exit::NOT_EXECUTABLE, "it is a directory", "name the file in it"));
        }
        if !sys::may_execute(file) {
            const HINT: &str = "chmod +x it in the image, or run as another user";
            return Some(Self::new(exit::NOT_EXECUTABLE, "this user has no right to execute it", HINT));
        }
        let head = head(file);
        if head.starts_with(ELF_MAGIC) { Self::of_binary(file) } else { Self::of_script(&head) }
    }

    fn of_binary(file: &Path) -> Option<Self> {
        const HINT: &str = "it was built for another C library, musl or glibc: build it on the same base image";
        let elf = ElfFile::read(file)?;
        // The kernel may have somebody to emulate another machine (binfmt_misc), which no container can see.
        if elf.machine.is_some_and(|machine| machine != std::env::consts::ARCH) {
            return None;
        }
        let loader = elf.loader.filter(|loader| !Path::new(loader).exists())?;
        Some(Self::new(exit::NOT_FOUND, format!("its loader {loader} is not in this image"), HINT))
    }

    fn of_script(head: &[u8]) -> Option<Self> {
        let Some(interpreter) = interpreter(head) else {
            return (!Path::new("/bin/sh").exists()).then(Self::no_shell);
        };
        if Path::new(&interpreter).exists() {
            return None;
        }
        Some(if interpreter.ends_with('\r') {
            const CAUSE: &str = "its first line ends with a carriage return";
            Self::new(exit::NOT_FOUND, CAUSE, "save the script with Unix line ends")
        } else {
            let cause = format!("its interpreter {interpreter} is not in this image");
            Self::new(exit::NOT_FOUND, cause, "install it, or correct the script's first line")
        })
    }

    fn not_found() -> Self {
        const HINT: &str = "is the path right, from the working directory on?";
        Self::new(exit::NOT_FOUND, "no such file or directory", HINT)
    }

    fn no_shell() -> Self {
        const CAUSE: &str = "it has no first line #! and there is no /bin/sh to take it";
        Self::new(exit::NOT_EXECUTABLE, CAUSE, "give the script an interpreter: #!/path")
    }

    fn other_machine(file: &Path) -> Self {
        let mut cause = "it is a binary for another machine".to_owned();
        let own = std::env::consts::ARCH;
        if let Some(machine) = ElfFile::read(file).and_then(|elf| elf.machine).filter(|machine| *machine != own) {
            cause = format!("{cause}: {machine}, and this one is {own}");
        }
        Self::new(exit::NOT_EXECUTABLE, cause, "build the image for this machine: docker build --platform linux/ARCH")
    }

    fn new(code: u8, cause: impl Into<String>, hint: &'static str) -> Self {
        Self { code, cause: cause.into(), hint }
    }
}

/// As much of a command as may be shown.
pub(crate) fn title(command: &[OsString]) -> String {
    let words: Vec<_> = command.iter().take(2).map(|word| word.to_string_lossy()).collect();
    words.join(" ") + if command.len() > 2 { " …" } else { "" }
}

/// Checks that `command`, found as `file`, can be executed, as far as that can be known without trying.
///
/// # Errors
/// 126 or 127, as a start would end.
pub(crate) fn check(command: &[OsString], file: Option<&Path>) -> Result<(), Error> {
    // Without PATH the C library searches directories that only it knows.
    let is_searched = command.first().is_some_and(|program| !program.as_encoded_bytes().contains(&b'/'));
    if file.is_none() && is_searched && std::env::var_os("PATH").is_none() {
        return Ok(());
    }
    ExecFailure::foresee(file).map_or(Ok(()), |failure| Err(cannot_start(Stage::Supervise, command, failure)))
}

/// The error of a start of `command`.
pub(crate) fn cannot_start(stage: Stage, command: &[OsString], failure: ExecFailure) -> Error {
    let program = command.first().map(|program| program.to_string_lossy()).unwrap_or_default();
    let ExecFailure { code, cause, hint } = failure;
    Error::new(stage, code, format!("cannot start {program}: {cause}")).hint(hint)
}

/// Whether a shell could run the file: it exists and is not a binary.
pub(crate) fn may_be_script(file: &Path) -> bool {
    file.is_file() && !is_binary(file)
}

fn is_binary(file: &Path) -> bool {
    head(file).starts_with(ELF_MAGIC)
}

/// The program in a script's first line, as the kernel reads it.
fn interpreter(head: &[u8]) -> Option<String> {
    let line = head.strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?.trim_ascii_start();
    let name = line.split(|byte| matches!(byte, b' ' | b'\t' | 0)).next()?;
    (!name.is_empty()).then(|| String::from_utf8_lossy(name).into_owned())
}

fn head(path: &Path) -> Vec<u8> {
    // The kernel looks no further for an interpreter.
    const LENGTH: u64 = 256;
    let mut head = Vec::new();
    if path.is_file()
        && let Ok(file) = File::open(path)
    {
        // What could be read is enough; an error here is not the one to report.
        let _ = file.take(LENGTH).read_to_end(&mut head);
    }
    head
}

#[cfg(test)]
mod tests;
