//! Whether the VM that a release brings, or finds in the image, can run here. If it cannot, the shell only says `not found`
//! of a file that exists.

use super::layout::{ReleaseLayout, locate};
use crate::elf_file::ElfFile;
use crate::error::{Error, Problem, Stage};
use crate::exit;
use crate::variables::Env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

/// Looks at the VM that a release would start. Some problems are only a warning.
///
/// # Errors
/// There is none (66), or it cannot run here (126, 127).
pub(crate) fn check_vm(layout: &ReleaseLayout, env: &Env) -> Result<Option<Problem>, Error> {
    let Some(vm) = own_vm(layout) else { return check_installed_vm(layout, env.get("PATH")) };
    check_runs_here(&vm.join("bin/erlexec"))
}

/// The version of the runtime system of the Erlang in `path`, by its directory `erts-VSN`.
pub(crate) fn installed_erts(path: Option<&OsStr>) -> Option<String> {
    let erl = fs::canonicalize(locate(OsStr::new("erl"), path)?).ok()?;
    let names = fs::read_dir(erl.parent()?.parent()?).ok()?.flatten().map(|entry| entry.file_name());
    names.filter_map(|name| Some(name.to_str()?.strip_prefix("erts-")?.to_owned())).max()
}

/// The directory `erts-VSN` of the release.
fn own_vm(layout: &ReleaseLayout) -> Option<PathBuf> {
    let expected = layout.root.join(format!("erts-{}", layout.erts));
    if expected.is_dir() {
        return Some(expected);
    }
    let entries = fs::read_dir(&layout.root).ok()?.flatten();
    entries.map(|entry| entry.path()).find(|path| base_name(path).starts_with("erts-"))
}

fn check_installed_vm(layout: &ReleaseLayout, path: Option<&OsStr>) -> Result<Option<Problem>, Error> {
    let needed = &layout.erts;
    let otp = otp(needed).map(|otp| format!(" (OTP {otp})")).unwrap_or_default();
    if locate(OsStr::new("erl"), path).is_none() {
        let message = format!("{} has no erts-{needed} and there is no erl in PATH: no VM", layout.root.display());
        return Err(Error::new(Stage::Release, exit::NO_INPUT, message)
            .hint(format!("build the release with include_erts: true, or on an image with this Erlang{otp}")));
    }
    let found = installed_erts(path);
    Ok(found.filter(|found| major(found) != major(needed)).map(|found| {
        Problem::new(format!("the release was built with erts-{needed}, but erl in PATH is of erts-{found}"))
            .hint(format!("take the same Erlang{otp} in both stages of the Dockerfile, or include_erts: true"))
    }))
}

/// Checks what the loader would check. Another machine may be emulated, which no container can see.
fn check_runs_here(program: &Path) -> Result<Option<Problem>, Error> {
    let Some(elf) = ElfFile::read(program) else { return Ok(None) };
    let refuse = |code, cause: String, hint: &str| {
        Err(Error::new(Stage::Release, code, format!("{}: {cause}", program.display())).hint(hint))
    };
    let here = std::env::consts::ARCH;
    if let Some(machine) = elf.machine.filter(|machine| !runs_on(machine, here)) {
        let hint = "unless the kernel emulates it, build the image for this machine: docker build --platform linux/ARCH; \
                    or choose the node by nodeSelector: {kubernetes.io/arch: ARCH}";
        let message = format!("{}: it is for {machine}, this machine is {here}", program.display());
        return Ok(Some(Problem::new(message).hint(hint)));
    }
    let Some(loader) = elf.loader else { return Ok(None) };
    if !Path::new(&loader).exists() {
        let library = if loader.contains("musl") { "musl (Alpine)" } else { "glibc (Debian)" };
        let hint = format!("build the release on the image that it runs on: it was built for {library}");
        return refuse(exit::NOT_FOUND, format!("its loader {loader} is not in this image"), &hint);
    }
    // The library is beside the loader that the link leads to.
    let library = fs::canonicalize(&loader).ok().and_then(|loader| ElfFile::read(&loader.with_file_name("libc.so.6")));
    match (elf.glibc, library.and_then(|library| library.glibc)) {
        (Some(needed), Some(there)) if needed > there => {
            let [needed, there] = [needed, there].map(|(major, minor)| format!("{major}.{minor}"));
            let cause = format!("it needs glibc {needed}, this image has {there}");
            let hint =
                "build the release on the image that it runs on, or run it on one as new as the one it was built on";
            refuse(exit::NOT_EXECUTABLE, cause, hint)
        }
        _ => Ok(None),
    }
}

/// A 64-bit kernel runs the 32-bit programs of its family.
fn runs_on(program: &str, machine: &str) -> bool {
    program == machine || matches!((program, machine), ("x86", "x86_64") | ("arm", "aarch64"))
}

/// ERTS 10 came with OTP 22; since then both numbers have grown together.
fn otp(erts: &str) -> Option<u32> {
    major(erts).filter(|major| *major >= 10).map(|major| major + 12)
}

fn major(erts: &str) -> Option<u32> {
    erts.split('.').next()?.parse().ok()
}

fn base_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_erts_are_those_of_otp() {
        assert_eq!((otp("13.1.5"), otp("9.3"), otp("")), (Some(25), None, None));
    }

    #[test]
    fn this_machines_own_programs_run_here() {
        assert_eq!(check_runs_here(Path::new("/proc/self/exe")), Ok(None));
        assert_eq!(check_runs_here(Path::new("/nonexistent")), Ok(None), "left to the start itself");
        assert!(runs_on("x86", "x86_64") && !runs_on("x86_64", "x86") && !runs_on("aarch64", "x86_64"));
        assert!(runs_on("arm", "aarch64") && !runs_on("aarch64", "arm"));
    }
}
