//! The binary as it is delivered, in roots that have no more than images FROM scratch, distroless, Alpine's and Debian's: it
//! starts, joins, probes and stops there; and so does the one for arm64, emulated.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Child, Command, Output};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::support::files::set_mode;
use crate::support::places::{static_beaminit, static_beaminit_for};
use crate::support::{Otp, scratch_dir, wait_for, wait_until};

const SOON: Duration = Duration::from_secs(30);
const COOKIE: &str = "sesame-4711";
const VM_ARGS: &str = "-name ${RELEASE_NAME}@127.0.0.1\n-setcookie ${ERLANG_COOKIE}\n";

/// What becomes the container, once its mounts are made.
const CONTAINER: &str = r#"root=$1; shift; mkdir -p "$root/proc" "$root/dev" "$root/run" "$root/tmp"
for device in null zero urandom; do touch "$root/dev/$device"; mount --bind "/dev/$device" "$root/dev/$device"; done
mount -t tmpfs tmpfs "$root/run"; ip link set lo up
exec unshare --pid --fork --kill-child --mount-proc --root "$root" --wd / -- "$@""#;

/// An image's file system.
struct Image {
    root: TempDir,
    variables: Vec<(&'static str, String)>,
    /// What runs the binary: an emulator, or nothing.
    runner: Option<&'static str>,
}

impl Image {
    /// FROM scratch, with the binary alone.
    fn scratch() -> Self {
        let variables =
            [("PATH", "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"), ("HOME", "/tmp"), ("BEAMINIT_WAIT", "off")];
        let variables = variables.map(|(name, value)| (name, value.to_owned())).to_vec();
        let image = Self { root: scratch_dir(), variables, runner: None };
        image.add(static_beaminit(), "/beaminit");
        image
    }

    fn add(&self, from: &Path, to: &str) {
        let to = self.root.path().join(to.trim_start_matches('/'));
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(from, &to).unwrap_or_else(|cause| panic!("{}: {cause}", from.display()));
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.root.path().join(path.trim_start_matches('/'));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        set_mode(path, 0o755);
    }

    /// A program of the machine with the libraries that it is linked to, where its loader looks for them.
    fn add_with_libraries(&self, program: &str) {
        self.add(Path::new(program), program);
        let output = Command::new("ldd").arg(program).output().expect("ldd");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        for path in said.split_whitespace().filter(|word| word.starts_with('/')) {
            self.add(Path::new(path), path);
        }
    }

    /// The machine's VM without a shell around it, as in a distroless image: it is started by `erlexec`.
    fn add_vm(&mut self) {
        let erlang = Path::new("/usr/lib/erlang");
        let entries = fs::read_dir(erlang).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let erts = entries.into_iter().find(|name| name.starts_with("erts-")).expect("a VM");
        let bin = format!("/usr/lib/erlang/{erts}/bin");
        for program in ["beam.smp", "erlexec", "erl_child_setup", "inet_gethost"] {
            self.add_with_libraries(&format!("{bin}/{program}"));
        }
        for library in fs::read_dir(erlang.join("lib")).unwrap().map(|entry| entry.unwrap().path()) {
            let name = library.file_name().unwrap().to_str().unwrap().to_owned();
            if name.starts_with("kernel-") || name.starts_with("stdlib-") {
                let to = self.root.path().join("usr/lib/erlang/lib");
                fs::create_dir_all(&to).unwrap();
                assert!(Command::new("cp").arg("-RL").arg(&library).arg(to).status().unwrap().success());
            }
        }
        self.add(&erlang.join("bin/start_clean.boot"), "/usr/lib/erlang/bin/start_clean.boot");
        self.write("/beamconfig/vm.args", VM_ARGS);
        let rootdir = "/usr/lib/erlang".to_owned();
        self.variables.extend([("BINDIR", bin.clone()), ("ROOTDIR", rootdir), ("EMU", "beam".into())]);
        self.variables.extend([("PROGNAME", "erl".into()), ("ERLANG_COOKIE", COOKIE.into())]);
        // erlexec starts epmd through a shell, so the port is agreed upon.
        let names = [("RELEASE_NAME", "shop"), ("VMARGS_PATH", "/beamconfig/vm.args"), ("BEAMINIT_KIND", "erl")];
        self.variables.extend(names.map(|(name, value)| (name, value.to_owned())));
    }

    fn erlexec(&self) -> Vec<String> {
        let bin = &self.variables.iter().find(|(name, _)| *name == "BINDIR").expect("a VM").1;
        let flags = ["-noinput", "-boot", "start_clean", "-start_epmd", "false", "-erl_epmd_port", "4370"];
        [&[format!("{bin}/erlexec")], &flags.map(str::to_owned)[..]].concat()
    }

    /// The words with which the binary is started.
    fn beaminit<W: AsRef<str>>(&self, words: &[W]) -> Vec<String> {
        let binary = self.runner.into_iter().chain(["/beaminit"]).map(str::to_owned);
        binary.chain(words.iter().map(|word| word.as_ref().to_owned())).collect()
    }

    fn start<W: AsRef<str>>(&self, words: &[W]) -> Container<'_> {
        let log = scratch_dir();
        let output = File::create(log.path().join("log")).unwrap();
        let mut command = Command::new("unshare");
        command.args(["--mount", "--net", "sh", "-euc", CONTAINER, "container"]).arg(self.root.path());
        command.args(self.beaminit(words)).env_clear().envs(self.variables.iter().cloned());
        let child = command.stdout(output.try_clone().unwrap()).stderr(output).spawn().expect("unshare");
        let children = format!("/proc/{0}/task/{0}/children", child.id());
        let mut container = Container { image: self, child, init: 0, log };
        container.init = wait_for(SOON, "PID 1", || {
            let pid = fs::read_to_string(&children).ok()?.split_whitespace().next()?.parse().ok()?;
            let exe = fs::read_link(format!("/proc/{pid}/exe")).ok()?;
            exe.starts_with(self.root.path()).then_some(pid).or_else(|| (!exe.starts_with("/usr")).then_some(pid))
        });
        container
    }

    /// `docker run` of a command that ends.
    fn run<W: AsRef<str>>(&self, words: &[W]) -> (Option<i32>, String) {
        let mut command = Command::new("unshare");
        command.args(["--mount", "--net", "sh", "-euc", CONTAINER, "container"]).arg(self.root.path());
        let output =
            command.args(self.beaminit(words)).env_clear().envs(self.variables.iter().cloned()).output().unwrap();
        said(&output)
    }
}

/// An image that runs. Dropped, all its processes are killed.
struct Container<'a> {
    image: &'a Image,
    child: Child,
    /// PID 1, as the test sees it.
    init: i32,
    log: TempDir,
}

impl Container<'_> {
    fn log(&self) -> String {
        fs::read_to_string(self.log.path().join("log")).unwrap()
    }

    #[track_caller]
    fn expect(&self, part: &str) {
        self.until(part, || self.log().contains(part));
    }

    #[track_caller]
    fn until(&self, what: &str, holds: impl Fn() -> bool) {
        let deadline = Instant::now() + SOON;
        wait_until(2 * SOON, what, || Instant::now() > deadline || holds());
        assert!(Instant::now() < deadline, "{what}: {}", self.log());
    }

    /// Waits until both probes of a node are satisfied.
    #[track_caller]
    fn is_probed(&self) {
        for question in ["live", "ready"] {
            self.until(&format!("{question}: {:?}", self.exec(&["probe", question])), || {
                let (code, text) = self.exec(&["probe", question, "--timeout", "10s"]);
                code == Some(0) && text.contains("shop@127.0.0.1 ")
            });
        }
    }

    /// `docker exec` of the binary.
    fn exec<W: AsRef<str>>(&self, words: &[W]) -> (Option<i32>, String) {
        let mut command = Command::new("nsenter");
        command.args(["--all", "--root", "--wd", "--target", &self.init.to_string(), "--"]);
        let output = command.args(self.image.beaminit(words)).env_clear().envs(self.image.variables.iter().cloned());
        said(&output.output().unwrap())
    }

    /// Sends TERM to PID 1; the exit code.
    fn stop(mut self) -> Option<i32> {
        assert!(Command::new("kill").arg(self.init.to_string()).status().unwrap().success());
        wait_until(SOON, "the end", || self.child.try_wait().unwrap().is_some());
        self.child.wait().unwrap().code()
    }
}

impl Drop for Container<'_> {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn said(output: &Output) -> (Option<i32>, String) {
    let text = [&output.stdout[..], &output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&text).trim().to_owned())
}

/// What can be asked where no node is: a start that waits for its record is live and not ready, a program without a node is
/// neither, and TERM ends the wait.
fn is_probed_without_a_node(image: &mut Image, program: &[&str]) {
    let container = image.start(program);
    container.expect("started command as pid ");
    for question in ["live", "ready"] {
        let (code, line) = container.exec(&["probe", question]);
        assert!(code == Some(1) && line.starts_with(&format!("{question}: ")), "{code:?} {line}");
    }
    drop(container);
    image.write("/etc/resolv.conf", "nameserver 127.0.0.1\n");
    let pod =
        [("BEAMINIT_KIND", "erl"), ("BEAMINIT_WAIT", "always"), ("MY_POD_NAME", "shop-0"), ("MY_POD_IP", "10.88.0.2")];
    let service = [("MY_POD_BASE_DNS", "shop.default.svc.cluster.local"), ("MY_POD_NAMESPACE", "default")];
    image.variables.retain(|(name, _)| *name != "BEAMINIT_WAIT");
    image.variables.extend(pod.into_iter().chain(service).map(|(name, value)| (name, value.to_owned())));
    // It is never started, so it need not be a VM.
    let node = [program, &["-name", "shop@shop-0.shop.default.svc.cluster.local"]].concat();
    let container = image.start(&node);
    container.expect("waiting until shop-0.shop.default.svc.cluster.local answers");
    for (question, wanted) in [("live", 0), ("ready", 1)] {
        let (code, line) = container.exec(&["probe", question]);
        let waits = line.starts_with(&format!("{question}: waiting for its record since "));
        assert!(code == Some(wanted) && waits, "{code:?} {line}");
    }
    assert_eq!(container.stop(), Some(143));
}

/// A node's whole life: it is started under its name, joined, probed and stopped.
fn node_lives(image: &Image) {
    let container = image.start(&image.erlexec());
    container.expect("started erl as pid ");
    container.is_probed();
    let erlexec = image.erlexec().remove(0);
    let eval = "io:format(\"~w\", [6 * 7]), halt()";
    let tool = ["exec", &erlexec, "-noinput", "-boot", "start_clean", "-eval", eval];
    assert_eq!(container.exec(&tool), (Some(0), "42".into()));
    assert_eq!(container.stop(), Some(0));
}

#[test]
fn from_scratch_with_a_static_program() {
    let mut image = Image::scratch();
    image.add(Path::new("/usr/bin/busybox"), "/busybox");
    symlink("busybox", image.root.path().join("sleep")).unwrap();
    assert_eq!(image.run(&["--version"]).0, Some(0));
    assert_eq!(image.run(&["/busybox", "sh", "-c", "exit 7"]).0, Some(7));
    // There is not even a shell for a script.
    image.write("/script", "exit 1\n");
    let (code, text) = image.run(&["/script"]);
    assert!(code == Some(126) && text.contains("it has no first line #! and there is no /bin/sh to take it"), "{text}");
    let container = image.start(&["/sleep", "1000"]);
    container.expect("started command as pid ");
    assert_eq!(container.exec(&["exec", "/busybox", "sh", "-c", "exit 5"]).0, Some(5));
    let (code, page) = container.exec(&["explain", "/sleep", "1000"]);
    assert!(code == Some(0) && page.contains("/sleep 1000"), "{page}");
    assert_eq!(container.stop(), Some(143));
    is_probed_without_a_node(&mut image, &["/sleep", "1000"]);
}

#[test]
fn distroless_with_a_vm() {
    let mut image = Image::scratch();
    image.add_vm();
    node_lives(&image);
}

/// No VM runs here: Debian has musl's loader and compiler, but no Erlang that is linked to musl, and its own wants glibc.
#[test]
fn alpine() {
    let mut image = Image::scratch();
    image.add(Path::new("/usr/bin/busybox"), "/bin/busybox");
    for name in ["sh", "sleep", "env"] {
        symlink("busybox", image.root.path().join("bin").join(name)).unwrap();
    }
    let loader = format!("/lib/ld-musl-{}.so.1", std::env::consts::ARCH);
    image.add(Path::new(&loader), &loader);
    let program = compiled_for_musl();
    image.add(&program.path().join("app"), "/app/bin/app");
    image.write("/app/bin/server", "#!/bin/sh\nexec /app/bin/app\n");
    let container = image.start(&["/app/bin/server"]);
    container.expect("ready");
    assert_eq!(container.exec(&["exec", "/bin/sh", "-c", "exit 5"]).0, Some(5));
    assert_eq!(container.stop(), Some(3), "the program's own answer to TERM");
    is_probed_without_a_node(&mut image, &["/app/bin/server"]);
    let pod = ["BEAMINIT_KIND", "BEAMINIT_WAIT", "MY_POD_NAME", "MY_POD_IP", "MY_POD_BASE_DNS", "MY_POD_NAMESPACE"];
    image.variables.retain(|(name, _)| !pod.contains(name));
    image.variables.push(("BEAMINIT_WAIT", "off".into()));

    // A VM that was built on Debian lacks its loader here, which is said before it starts.
    image.add_vm();
    let glibc = fs::read_dir(image.root.path().join("lib64")).unwrap().next().unwrap().unwrap().path();
    fs::remove_file(&glibc).unwrap();
    let (code, text) = image.run(&image.erlexec());
    assert!(code == Some(127) && text.contains(&format!("its loader /lib64/{}", name_of(&glibc))), "{text}");
}

#[test]
fn debian() {
    let mut image = Image::scratch();
    image.variables.push(("ERLANG_COOKIE", COOKIE.into()));
    let root = Otp::V27.root();
    assert!(Command::new("cp").arg("-a").arg(root.join(".")).arg(image.root.path()).status().unwrap().success());
    image.write("/beamconfig/vm.args", VM_ARGS);
    let names = [("RELEASE_NAME", "shop"), ("VMARGS_PATH", "/beamconfig/vm.args")];
    image.variables.extend(names.map(|(name, value)| (name, value.to_owned())));
    let container = image.start(&["erl", "-noinput"]);
    container.is_probed();
    let call = ["erl_call", "-R", "-c", COOKIE, "-n", "shop@127.0.0.1", "-a", "erlang node"];
    assert_eq!(container.exec(&[&["exec"], &call[..]].concat()), (Some(0), "'shop@127.0.0.1'".into()));
    assert_eq!(container.stop(), Some(0));
}

/// The emulator runs beaminit alone: what that starts is the machine's own, as the kernel has it.
fn emulated() -> Image {
    let mut image = Image::scratch();
    image.add(&static_beaminit_for("aarch64"), "/beaminit");
    image.add(Path::new("/usr/bin/qemu-aarch64-static"), "/qemu");
    image.runner = Some("/qemu");
    image
}

#[test]
#[ignore = "make otp runs it"]
fn for_arm64() {
    let mut image = emulated();
    image.add_vm();
    node_lives(&image);
}

#[test]
#[ignore = "make otp runs it"]
fn for_arm64_from_scratch() {
    let mut image = emulated();
    image.add(Path::new("/usr/bin/busybox"), "/sleep");
    is_probed_without_a_node(&mut image, &["/sleep", "1000"]);
}

/// A program that says that it is ready and ends with 3 on a TERM, linked to musl's loader.
fn compiled_for_musl() -> TempDir {
    let dir = scratch_dir();
    let source = "#include <signal.h>\n#include <stdio.h>\n#include <unistd.h>\n\
        static void on_term(int number) { _exit(3); }\n\
        int main(void) { signal(SIGTERM, on_term); puts(\"ready\"); fflush(stdout); for (;;) pause(); }\n";
    fs::write(dir.path().join("app.c"), source).unwrap();
    let status = Command::new("musl-gcc").current_dir(dir.path()).args(["-o", "app", "app.c"]).status();
    assert!(status.expect("musl-gcc of musl-tools").success());
    dir
}

fn name_of(path: &Path) -> &str {
    path.file_name().unwrap().to_str().unwrap()
}
