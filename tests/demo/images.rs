//! The demo's images. What Docker's own build cache has is not built again.

use std::path::Path;
use std::process::Command;
use std::sync::atomic::AtomicBool;

use super::command::{INTERRUPTED, docker, run_interruptibly};
use super::stage::Outcome;

const PULLED: &str = "debian:bookworm-slim";
const OURS: &str = "beaminit-demo/debian:bookworm";

/// Builds `beaminit`, `beaminit-demo/node` and `beaminit-demo/dns`.
pub(crate) fn build(interrupted: &AtomicBool) -> Outcome<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    println!("building the images; the first time takes some minutes");
    println!("{}", run_interruptibly(Command::new("sh").arg(root.join("docker/image.sh")), interrupted)?);
    let base = base(interrupted)?;
    for target in ["node", "dns"] {
        let demo = root.join("docker/demo");
        let (tag, base) = (format!("beaminit-demo/{target}"), format!("BASE={base}"));
        let words = ["build", "--quiet", "--tag", &tag, "--target", target, "--build-arg", &base];
        let mut build = Command::new("docker");
        run_interruptibly(build.args(words).args(["--label", "beaminit.demo=true"]).arg(demo), interrupted)?;
    }
    Ok(())
}

/// A Debian: of an earlier run, or pulled, or made here.
fn base(interrupted: &AtomicBool) -> Outcome<&'static str> {
    if let Some(image) = [PULLED, OURS].into_iter().find(|image| docker(&["image", "inspect", image]).is_ok()) {
        return Ok(image);
    }
    let pull = ["--foreground", "60", "docker", "pull", "--quiet", PULLED];
    match run_interruptibly(Command::new("timeout").args(pull), interrupted) {
        Ok(_) => Ok(PULLED),
        Err(cause) if cause == INTERRUPTED => Err(cause),
        Err(_) => make_base(interrupted).map(|()| OURS),
    }
}

fn make_base(interrupted: &AtomicBool) -> Outcome<()> {
    println!("image {OURS}: made with debootstrap ({PULLED} cannot be pulled)");
    let directory = tempfile::Builder::new().prefix("beaminit-demo-").tempdir().map_err(|cause| cause.to_string())?;
    let (root, archive) = (directory.path().join("root"), directory.path().join("root.tar"));
    // What debootstrap mounts there is gone with it, even if it was interrupted.
    let mut bootstrap = Command::new("unshare");
    bootstrap.args(["--mount", "debootstrap", "--variant=minbase", "bookworm"]).arg(&root);
    run_interruptibly(&mut bootstrap, interrupted).map_err(|cause| match cause.as_str() {
        INTERRUPTED => cause,
        _ => format!("{cause}\nhint: it needs root, and Debian's packages"),
    })?;
    let skipped =
        ["--exclude=./dev/*", "--exclude=./proc/*", "--exclude=./sys/*", "--exclude=./var/cache/apt/archives/*"];
    let mut pack = Command::new("tar");
    run_interruptibly(pack.args(skipped).arg("-C").arg(&root).arg("-cf").arg(&archive).arg("."), interrupted)?;
    let archive = archive.to_string_lossy().into_owned();
    docker(&["import", "--change", "LABEL beaminit.demo=true", &archive, OURS]).map(drop)
}
