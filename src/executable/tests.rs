use super::*;

fn explain(contents: &[u8], errno: i32) -> ExecFailure {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), contents).unwrap();
    std::fs::set_permissions(file.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
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

fn own() -> Vec<u8> {
    std::fs::read("/bin/sh").unwrap()
}

fn for_machine(number: u8) -> Vec<u8> {
    let mut program = own();
    program[18..20].copy_from_slice(&[number, 0]);
    program
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
    assert_eq!(explain(&own(), ENOEXEC).cause, "it is a binary for another machine");
    assert_eq!(explain(b"exit 1\n", ENOEXEC).code, 126);
    let directory = ExecFailure::explain(Some(Path::new("/")), &io::Error::from_raw_os_error(13));
    assert_eq!((directory.code, directory.cause.as_str()), (126, "it is a directory"));
    let plain = tempfile::NamedTempFile::new().unwrap();
    let refused = ExecFailure::explain(Some(plain.path()), &io::Error::from_raw_os_error(13));
    assert_eq!(refused.cause, "this user has no right to execute it");
    let executable = ExecFailure::explain(Some(Path::new("/bin/sh")), &io::Error::from_raw_os_error(13));
    assert_eq!((executable.code, executable.cause.as_str()), (126, "permission denied"));
    assert!(executable.hint.contains("mounted noexec"));
}

#[test]
fn most_failures_are_known_before_it_is_tried() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let code = |path: &Path| ExecFailure::foresee(Some(path)).map(|failure| failure.code);
    assert_eq!([code(Path::new("/bin/sh")), code(Path::new("/")), code(file.path())], [None, Some(126), Some(126)]);
    std::fs::set_permissions(file.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let contents: [(&[u8], Option<u8>); 7] = [
        (b"#!/bin/sh\t-e\n", None),
        (b"#!\nexit 1\n", None),
        (b"#!/nonexistent\n", Some(127)),
        (&without_loader(), Some(127)),
        // The kernel may run them.
        (&for_machine(RISCV64), None),
        (&for_machine(X86), None),
        (b"exit 1\n", None),
    ];
    for (contents, expected) in contents {
        std::fs::write(file.path(), contents).unwrap();
        assert_eq!(code(file.path()), expected, "{:?}", String::from_utf8_lossy(&contents[..contents.len().min(20)]));
    }
    assert_eq!(ExecFailure::foresee(None).map(|failure| failure.code), Some(127));
}

#[test]
fn a_system_at_its_limits_is_71() {
    assert_eq!((explain(b"", 11).code, explain(b"", 12).code, explain(b"", 7).code), (71, 71, 71));
}
