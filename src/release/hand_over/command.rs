//! A command gets the rendered files under the names by which it knew the templates.
//!
//! Pure: no I/O, no clock.

use super::{Given, HandOver, SYS_CONFIG, VM_ARGS, Value};

impl HandOver {
    pub(super) fn command(&mut self, given: &mut Given<'_>) {
        if let Some((template, args)) = given.vm_args.take() {
            self.add_file(VM_ARGS, args.text);
            let variable = if template.named_by == "RELEASE_VM_ARGS" { "RELEASE_VM_ARGS" } else { "VMARGS_PATH" };
            self.set(variable, Value::in_run_dir(VM_ARGS));
            self.node = args.node.map(|(_, node)| node);
            self.cookie = args.cookie;
        }
        if let Some((template, text)) = given.sys_config.take() {
            self.add_file(SYS_CONFIG, text);
            match template.named_by {
                "RELEASE_SYS_CONFIG" => self.set("RELEASE_SYS_CONFIG", Value::in_run_dir("sys")),
                "RELX_CONFIG_PATH" => self.set("RELX_CONFIG_PATH", Value::in_run_dir(SYS_CONFIG)),
                _ => self.set("SYS_CONFIG_PATH", Value::in_run_dir(SYS_CONFIG)),
            }
        }
    }
}
