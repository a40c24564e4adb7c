//! The demo's images. What Docker's own build cache has is not built again.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::command::{docker, run};
use super::stage::Outcome;

const PULLED: &str = "debian:bookworm-slim";
const OURS: &str = "beaminit-demo/debian:bookworm";

/// Builds `beaminit`, `beaminit-demo/node` and `beaminit-demo/dns`.
pub(crate) fn build() -> Outcome<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    println!("building the images; the first time takes some minutes");
    println!("{}", run(Command::new("sh").arg(root.join("docker/image.sh")))?);
    let base = base()?;
    for target in ["node", "dns"] {
        let demo = root.join("docker/demo");
        let (tag, base) = (format!("beaminit-demo/{target}"), format!("BASE={base}"));
        let words = ["build", "--quiet", "--tag", &tag, "--target", target, "--build-arg", &base];
        run(Command::new("docker").args(words).args(["--label", "beaminit.demo=true"]).arg(demo))?;
    }
    Ok(())
}

/// A Debian: pulled, or of an earlier run, or made here.
fn base() -> Outcome<&'static str> {
    for image in [PULLED, OURS] {
        if docker(&["image", "inspect", image]).is_ok() {
            return Ok(image);
        }
        if image == PULLED && run(Command::new("timeout").args(["60", "docker", "pull", "--quiet", image])).is_ok() {
            return Ok(image);
        }
    }
    println!("image {OURS}: made with debootstrap ({PULLED} cannot be pulled)");
    let folder = tempfile::Builder::new().prefix("beaminit-demo-").tempdir().map_err(|cause| cause.to_string())?;
    let (root, archive) = (folder.path().join("root"), folder.path().join("root.tar"));
    let bootstrapped = run(Command::new("debootstrap").args(["--variant=minbase", "bookworm"]).arg(&root));
    bootstrapped.map_err(|cause| format!("{cause}\nhint: it needs root, and Debian's packages"))?;
    let skipped =
        ["--exclude=./dev/*", "--exclude=./proc/*", "--exclude=./sys/*", "--exclude=./var/cache/apt/archives/*"];
    run(Command::new("tar").args(skipped).arg("-C").arg(&root).arg("-cf").arg(&archive).arg("."))?;
    let archive = archive.to_string_lossy().into_owned();
    docker(&["import", "--change", "LABEL beaminit.demo=true", &archive, OURS])?;
    fs::remove_dir_all(folder.path()).ok();
    Ok(OURS)
}
