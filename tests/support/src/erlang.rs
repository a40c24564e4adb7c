//! The machine's own Erlang as the judge of what we render: `erlexec`, which reads args files, and the VM itself.

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use tempfile::TempDir;

use super::scratch_dir;

/// `erlexec` with something in the VM's place that prints its arguments, so that each file costs milliseconds.
pub struct Erlexec {
    /// The program, maybe behind the loader of its system.
    program: Vec<PathBuf>,
    directory: TempDir,
    /// Whether it puts `--` behind what is behind `-extra`, as it did before OTP 27.
    ends_extra: bool,
}

impl Erlexec {
    pub fn new() -> Self {
        Self::of(vec![erts().join("erlexec")])
    }

    /// That of another system, which needs no more of it than its C library.
    pub fn of_system(root: &Path) -> Self {
        let erts = fs::read_dir(root.join("usr/lib/erlang")).unwrap().map(|entry| entry.unwrap().path());
        let is_erts =
            |path: &PathBuf| path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"erts-"));
        let erlexec = erts.filter(is_erts).map(|erts| erts.join("bin/erlexec")).find(|file| file.exists()).unwrap();
        let libraries = format!("usr/lib/{}-linux-gnu", std::env::consts::ARCH);
        let loader = fs::read_dir(root.join(&libraries)).unwrap().map(|entry| entry.unwrap().path());
        let is_loader =
            |path: &PathBuf| path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"ld-linux-"));
        let loader = loader.into_iter().find(is_loader).expect("the loader of a Debian");
        Self::of(vec![loader, "--library-path".into(), root.join(libraries), erlexec])
    }

    fn of(program: Vec<PathBuf>) -> Self {
        let directory = scratch_dir();
        let vm = directory.path().join("beam.smp");
        fs::write(&vm, "#!/bin/sh\nprintf '%s\\0' \"$@\"\n").unwrap();
        fs::set_permissions(&vm, fs::Permissions::from_mode(0o755)).unwrap();
        // A node with a name starts it.
        symlink("/bin/true", directory.path().join("epmd")).unwrap();
        let mut this = Self { program, directory, ends_extra: false };
        this.ends_extra = this.words(b"x").len() > 1;
        this
    }

    /// What the VM would get from this args file: its flags, but for those of the emulator, and what is behind
    /// `-extra`. `None` if `erlexec` does not like it.
    pub fn arguments(&self, args_file: &[u8]) -> Option<(Vec<OsString>, Vec<OsString>)> {
        let file = self.directory.path().join("vm.args");
        fs::write(&file, args_file).unwrap();
        let mut command = Command::new(&self.program[0]);
        command
            .args(&self.program[1..])
            .arg("-args_file")
            .arg(&file)
            .env("BINDIR", self.directory.path())
            .env("ROOTDIR", "R");
        let output = command.env("EMU", "beam").env("PROGNAME", "P").env("HOME", "H").output().unwrap();
        if !output.status.success() {
            return None;
        }
        let mut words: Vec<_> =
            output.stdout.split(|byte| *byte == 0).map(|word| OsString::from_vec(word.to_vec())).collect();
        assert_eq!(words.pop(), Some(OsString::new()), "each word ends with a NUL");
        let home = words.windows(4).position(|four| four[0] == "--" && four[1] == "-home" && four[3] == "--").unwrap();
        let flags = words.split_off(home + 4);
        let (mut flags, mut extra) = match flags.iter().position(|word| word == "-extra") {
            Some(extra) => (flags[..extra].to_vec(), flags[extra + 1..].to_vec()),
            None => (flags, Vec::new()),
        };
        // At the end of the file, and of the command line.
        extra.pop_if(|word| self.ends_extra && word == "--");
        flags.pop_if(|word| word == "--");
        flags.pop_if(|word| word == "--");
        Some((flags, extra))
    }

    /// The words of this args file, in which no word stands for anything.
    pub fn words(&self, text: &[u8]) -> Vec<OsString> {
        self.arguments(&[b"-extra\n", text].concat()).unwrap().1
    }
}

/// What the VM prints when it evaluates `expression`, started with these arguments.
pub fn evaluated(arguments: &[&str], expression: &str) -> String {
    let mut command = Command::new("erl");
    command.args(arguments).args(["-noinput", "-start_epmd", "false", "-dist_listen", "false"]);
    command.args(["-eval", &format!("{expression}, halt().")]);
    // Otherwise the VM takes arguments for Latin-1.
    let output = command.env("LC_ALL", "C.UTF-8").stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{arguments:?}{}", errors(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Code of Erlang that prints, a line each, the bytes of some character data as hexadecimal digits, with commas between.
pub fn printing(lines: &str) -> String {
    format!(
        "[io:format(\"~s~n\", [lists:join($,, [binary:encode_hex(unicode:characters_to_binary(Data)) || Data <- Line])]) \
         || Line <- {lines}]"
    )
}

pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02X}").unwrap();
        hex
    })
}

fn errors(stderr: &[u8]) -> String {
    String::from_utf8_lossy(stderr).into_owned()
}

/// The directory of the machine's VM.
fn erts() -> &'static Path {
    static ERTS: OnceLock<PathBuf> = OnceLock::new();
    ERTS.get_or_init(|| {
        let expression = "io:format(\"~s/erts-~s/bin\", [code:root_dir(), erlang:system_info(version)])";
        evaluated(&[], expression).into()
    })
}
