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
        Obstacle::reported_by_kernel(file, error).into()
    }

    /// What will go wrong, as far as the file shows it. `None`: nothing.
    pub(crate) fn foresee(file: Option<&Path>) -> Option<Self> {
        Obstacle::find(file).map(Self::from)
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
    file.is_file() && !head(file).starts_with(ELF_MAGIC)
}

/// What keeps a file from being executed.
enum Obstacle {
    NotFound,
    IsDirectory,
    NotPermitted,
    CarriageReturn,
    MissingInterpreter(String),
    MissingLoader(String),
    OtherMachine(Option<&'static str>),
    NoShell,
    OutOfProcesses(String),
    TooLarge(String),
    Other(String),
}

impl Obstacle {
    /// Looks at the file itself.
    fn find(file: Option<&Path>) -> Option<Self> {
        let Some(file) = file.filter(|file| file.exists()) else { return Some(Self::NotFound) };
        if file.is_dir() {
            return Some(Self::IsDirectory);
        }
        if !sys::may_execute(file) {
            return Some(Self::NotPermitted);
        }
        let head = head(file);
        if head.starts_with(ELF_MAGIC) { Self::of_binary(file) } else { Self::of_script(&head) }
    }

    fn of_binary(file: &Path) -> Option<Self> {
        let elf = ElfFile::read(file)?;
        // The kernel may have somebody to emulate another machine (binfmt_misc), which no container can see.
        if elf.machine.is_some_and(|machine| machine != std::env::consts::ARCH) {
            return None;
        }
        elf.loader.filter(|loader| !Path::new(loader).exists()).map(Self::MissingLoader)
    }

    fn of_script(head: &[u8]) -> Option<Self> {
        let Some(interpreter) = interpreter(head) else {
            return (!Path::new("/bin/sh").exists()).then_some(Self::NoShell);
        };
        if Path::new(&interpreter).exists() {
            return None;
        }
        Some(if interpreter.ends_with('\r') { Self::CarriageReturn } else { Self::MissingInterpreter(interpreter) })
    }

    fn reported_by_kernel(file: Option<&Path>, error: &io::Error) -> Self {
        let cause = error::cause(error);
        match error.kind() {
            io::ErrorKind::OutOfMemory | io::ErrorKind::WouldBlock => return Self::OutOfProcesses(cause),
            io::ErrorKind::ArgumentListTooLong => return Self::TooLarge(cause),
            _ => {}
        }
        if let Some(obstacle) = Self::find(file) {
            return obstacle;
        }
        let is_binary = file.is_some_and(|file| head(file).starts_with(ELF_MAGIC));
        match error.raw_os_error() {
            Some(ENOEXEC) if is_binary => {
                let machine = file.and_then(ElfFile::read).and_then(|elf| elf.machine);
                Self::OtherMachine(machine.filter(|machine| *machine != std::env::consts::ARCH))
            }
            Some(ENOEXEC) => Self::NoShell,
            _ if error.kind() == io::ErrorKind::NotFound => Self::NotFound,
            _ => Self::Other(cause),
        }
    }
}

impl From<Obstacle> for ExecFailure {
    fn from(obstacle: Obstacle) -> Self {
        Self { code: obstacle.code(), hint: obstacle.hint(), cause: obstacle.cause() }
    }
}

impl Obstacle {
    fn code(&self) -> u8 {
        match self {
            Self::NotFound | Self::MissingInterpreter(_) | Self::CarriageReturn | Self::MissingLoader(_) => {
                exit::NOT_FOUND
            }
            Self::OutOfProcesses(_) | Self::TooLarge(_) => exit::OS,
            Self::IsDirectory | Self::NotPermitted | Self::OtherMachine(_) | Self::NoShell | Self::Other(_) => {
                exit::NOT_EXECUTABLE
            }
        }
    }

    fn cause(self) -> String {
        match self {
            Self::NotFound => "no such file or directory".into(),
            Self::IsDirectory => "it is a directory".into(),
            Self::NotPermitted => "this user has no right to execute it".into(),
            Self::CarriageReturn => "its first line ends with a carriage return".into(),
            Self::MissingInterpreter(name) => format!("its interpreter {name} is not in this image"),
            Self::MissingLoader(name) => format!("its loader {name} is not in this image"),
            Self::OtherMachine(None) => "it is a binary for another machine".into(),
            Self::OtherMachine(Some(machine)) => {
                format!("it is a binary for another machine: {machine}, and this one is {}", std::env::consts::ARCH)
            }
            Self::NoShell => "it has no first line #! and there is no /bin/sh to take it".into(),
            Self::OutOfProcesses(cause) | Self::TooLarge(cause) | Self::Other(cause) => cause,
        }
    }

    fn hint(&self) -> &'static str {
        match self {
            Self::NotFound => "is the path right, from the working directory on?",
            Self::IsDirectory => "name the file in it",
            Self::NotPermitted => "chmod +x it in the image, or run as another user",
            Self::CarriageReturn => "save the script with Unix line ends",
            Self::MissingInterpreter(_) => "install it, or correct the script's first line",
            Self::MissingLoader(_) => {
                "it was built for another C library, musl or glibc: build it on the same base image"
            }
            Self::OtherMachine(_) => "build the image for this machine: docker build --platform linux/ARCH",
            Self::NoShell => "give the script an interpreter: #!/path",
            Self::OutOfProcesses(_) => "the container is at its limit of processes or memory",
            Self::TooLarge(_) => {
                "the environment is too large; in a namespace of many services set enableServiceLinks: false"
            }
            Self::Other(_) => "is it on a volume that is mounted noexec, or is its interpreter not executable?",
        }
    }
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
