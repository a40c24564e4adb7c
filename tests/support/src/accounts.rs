//! Users of a pod, and programs that become another program as one of them.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use tempfile::TempDir;

use super::Pod;
use super::files::{directory_of, set_mode};
use super::places;

/// The number of the user `shop`.
pub const SHOP: u32 = 54321;

/// The files with which `su` and `id` know users: `shop`, whose group is `shop` too, and names of the same number.
pub struct Accounts(TempDir);

impl Accounts {
    pub fn new() -> Self {
        let users = "root:x:0:0::/:/bin/sh\nejabberd:x:54321:54321::/:/bin/sh\nshop:x:54321:54321::/:/bin/sh\n\
                     rabbitmq:x:54321:54321::/var/lib/rabbitmq:/bin/sh\n\
                     couchdb:x:54321:54321::/opt/couchdb:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n";
        Self(directory_of(&[
            ("passwd", users),
            ("group", "root:x:0:\nshop:x:54321:\ncouchdb:x:54321:\nstaff:x:50:\n"),
            ("shadow", "root:*:1::::::\nshop:*:1::::::\nrabbitmq:*:1::::::\n"),
            ("su", "auth sufficient pam_rootok.so\naccount sufficient pam_permit.so\nsession required pam_permit.so\n"),
        ]))
    }

    /// With these accounts, and with `gosu` and `su-exec` in the search path.
    pub fn mounted(&self, pod: Pod) -> Pod {
        let file = |name: &str| self.0.path().join(name);
        let pod = pod.mount(&file("passwd"), "/etc/passwd").mount(&file("shadow"), "/etc/shadow");
        let pod = pod.mount(&file("group"), "/etc/group").mount(&file("su"), "/etc/pam.d/su");
        pod.mount(su_exec(), "/usr/local/bin/gosu").mount(su_exec(), "/usr/local/bin/su-exec")
    }
}

impl Default for Accounts {
    fn default() -> Self {
        Self::new()
    }
}

/// Compiled once.
fn su_exec() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let program = places::target_tmp().join("su_exec");
        let partial = places::target_tmp().join(format!("su_exec.{}", std::process::id()));
        let source = places::project().join("tests/fixtures/su_exec.c");
        let compiled = Command::new("gcc").arg("-o").arg(&partial).arg(source).status().expect("gcc");
        assert!(compiled.success(), "su_exec.c");
        set_mode(&partial, 0o755);
        std::fs::rename(&partial, &program).unwrap();
        program
    })
}
