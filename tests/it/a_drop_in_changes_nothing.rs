//! What works without beaminit works behind it, with no setting: each set-up runs twice, as it is and behind beaminit, and the
//! two runs have the same exit code, output, environment of the VM, tools and files left, and the same name, unless we give it.

use crate::support::Built::{Mix, Relx};
use crate::support::drop_in::SetUp;

const IN_ITS_DIRECTORY: &str = "#!/bin/sh\nset -eu\n\ncd -P -- \"$(dirname -- \"$0\")\"\n";

fn phoenix(what: &str, command: &[&str]) -> SetUp {
    SetUp::new(what, Mix, command)
        .file("bin/server", &format!("{IN_ITS_DIRECTORY}PHX_SERVER=true exec ./demo start\n"))
        .file("bin/migrate", &format!("{IN_ITS_DIRECTORY}exec ./demo eval 'IO.puts(\"migrated\")'\n"))
}

#[test]
fn phoenix_as_it_is_generated() {
    phoenix("bin/server", &["/app/bin/server"]).named_by_us().changes_nothing();
    phoenix("bin/migrate", &["/app/bin/migrate"]).ends_by_itself().changes_nothing();
}

#[test]
fn relx_in_the_foreground() {
    SetUp::new("relx", Relx, &["bin/demo", "foreground"]).tool(&["bin/demo", "ping"]).changes_nothing();
}
