//! Distillery's and relx's start scripts read name and cookie out of `vm.args` themselves, line by line, so the file that
//! they get is whole but for the cookie. That goes into a file where the VM looks for it, and no command line shows it.

use super::{Given, HandOver, IN_A_FILE, NodeArgs, SYS_CONFIG, VM_ARGS, Value, data_error};
use crate::error::{Error, Problem};
use crate::release::{Cookie, CookieMode, Kind, Release, cookie_file};
use crate::sys;

/// Where Distillery writes what it makes of its configuration.
const VAR: &str = "var";

impl HandOver {
    pub(super) fn scripts(&mut self, given: &mut Given<'_>) -> Result<(), Error> {
        let is_relx = given.release.kind == Kind::Relx;
        if !is_relx {
            self.move_var(given);
        }
        let (variable, value) =
            if is_relx { ("RELX_COOKIE", &given.raw.relx_cookie) } else { ("COOKIE", &given.raw.cookie) };
        let cookie = Self::the_cookie(given, (variable, value.as_deref()))?;
        let from_template = given.vm_args.is_some();
        if let Some((template, args)) = given.vm_args.as_ref().filter(|(_, args)| args.node.is_none()) {
            let message = format!("{} names no node: neither -name nor -sname", template.path.display());
            let hint = "write -name ${RELEASE_NAME}@${MY_POD_FQDN}";
            // Distillery's script would take the name of a variable `NAME`; relx's ends at once.
            if !is_relx {
                self.warnings.push(Problem::new(message).hint(hint));
            } else if !args.text.contains("-args_file") {
                return Err(data_error(message).hint(hint));
            }
        }
        let own = |own: super::OwnArgs| NodeArgs {
            text: own.text,
            without_cookie: own.without_cookie,
            node: own.node,
            ..NodeArgs::default()
        };
        let args = given.vm_args.take().map(|(_, args)| args).or_else(|| given.own.take().map(own));
        if let Some(args) = args {
            let mut text = args.text;
            if let Some((cookie, named_by)) = cookie {
                text = match self.cookie_as_asked(given, &cookie, &named_by)? {
                    Ok(()) => {
                        self.tell_script(given.release, variable, &cookie);
                        args.without_cookie
                    }
                    Err(()) if args.cookie.as_ref() == Some(&cookie) => text,
                    Err(()) => format!("{}\n-setcookie {}\n", args.without_cookie, cookie.expose()),
                };
                self.cookie = Some(cookie);
            } else if text == args.without_cookie && args.node.is_some() && given.release.starts_node {
                cookie_file::vm_finds_one(given.raw, given.release.erts)?;
            }
            if from_template || self.cookie.is_some() {
                self.add_file(VM_ARGS, text);
                self.set("VMARGS_PATH", Value::in_run_dir(VM_ARGS));
            }
            self.node = args.node.map(|(_, node)| node);
        }
        if let Some((_, text)) = given.sys_config.take() {
            self.add_file(SYS_CONFIG, text);
            let variable = if is_relx { "RELX_CONFIG_PATH" } else { "SYS_CONFIG_PATH" };
            self.set(variable, Value::in_run_dir(SYS_CONFIG));
        }
        Ok(())
    }

    /// The scripts hand the cookie to their remote commands, and look for a file in HOME alone. Distillery's starts
    /// nothing without one, and has hooks that call those commands once the node runs. relx's only says that it has none.
    fn tell_script(&mut self, release: &Release, variable: &'static str, cookie: &Cookie) {
        if release.kind == Kind::Relx && release.starts_node {
            self.set(variable, IN_A_FILE);
            self.cookie_for_tools = Some(variable);
        } else {
            self.set(variable, Value::secret(cookie));
        }
    }

    /// Into a file, unless `args` was asked for; where no file is possible either, onto the command line (`Err`), and
    /// the log says why.
    pub(super) fn cookie_as_asked(
        &mut self,
        given: &Given<'_>,
        cookie: &Cookie,
        named_by: &str,
    ) -> Result<Result<(), ()>, Error> {
        if given.cookie_mode == CookieMode::Args {
            return Ok(Err(()));
        }
        Ok(self.cookie_file(given, cookie, named_by)?.map_err(|reason| {
            let message = format!("the cookie stands on the VM's command line, for everybody to read: {reason}");
            self.warnings.push(Problem::new(message).hint("set HOME to a folder that the user may write"));
        }))
    }

    fn move_var(&mut self, given: &Given<'_>) {
        let Some(home) = &given.release.home else { return };
        let var = home.root.join(VAR);
        let writable = if var.exists() { sys::may_write(&var) } else { sys::may_write(&home.root) };
        if given.raw.release_mutable_dir.is_none() && !writable {
            self.folders.push(VAR);
            self.set("RELEASE_MUTABLE_DIR", Value::in_run_dir(VAR));
        }
    }
}
