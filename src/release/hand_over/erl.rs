//! A VM that is started directly, or by a script that takes no file of ours, reads flags from its environment: those of
//! `ERL_AFLAGS` stand before the command line's, those of `ERL_ZFLAGS` behind all others. The first name counts; two
//! cookies cancel each other.

use super::value::Part;
use super::{CANCELLING, Given, HandOver, NodeArgs, OwnArgs, SYS_CONFIG, VM_ARGS, Value, data_error};
use crate::error::Error;
use crate::identity::name::{Distribution, NodeName};
use crate::release::{Cookie, CookieMode, cookie_file};

impl HandOver {
    pub(super) fn erl(&mut self, given: &mut Given<'_>) -> Result<(), Error> {
        let cookie = Self::the_cookie(given, ("ERLANG_COOKIE", None))?;
        let (own, named) = (given.own.take(), named_outside(given));
        if let (Some((cookie, _)), Some(own), CookieMode::File) = (&cookie, &own, given.cookie_mode)
            && own.cookie.as_ref() == Some(cookie)
        {
            let message = format!(
                "BEAMINIT_COOKIE=file, but the release's script puts -setcookie of {} on the command line",
                own.path.display()
            );
            return Err(data_error(message)
                .hint("drop it from the release's vm.args, or build the release with extended_start_script true"));
        }
        let own_cookies = own.as_ref().map_or(0, |own| own.cookies);
        let (template, mut args) = match given.vm_args.take() {
            Some((template, args)) => (Some(template), args),
            None => (None, NodeArgs::default()),
        };
        let place = template.as_ref().map(|template| template.path.display().to_string()).unwrap_or_default();
        if let (Some((_, node)), Some(other)) = (&args.node, &named) {
            let message = format!("-name of {place} is {node}, but COMMAND or ERL_FLAGS name the node {other}");
            return Err(data_error(message).hint("the VM would take the latter; drop one of them"));
        }
        if own.is_some() {
            self.name_before_own(&args, own.as_ref(), &place)?;
            args.text.clone_from(&args.without_node_flags);
            args.without_cookie = args.without_node_flags;
        }
        let text = match cookie {
            Some((cookie, named_by)) => self.erl_cookie(given, cookie, &named_by, args.without_cookie, own.as_ref())?,
            None => args.text,
        };
        self.node = args.node.map(|(_, node)| node).or(named).or_else(|| own.and_then(|own| Some(own.node?.1)));
        if self.node.is_none() {
            self.not_distributed = Some("neither COMMAND nor a template names it");
        } else if self.cookie.is_none() && own_cookies == 0 && !has_cookie_outside(given) {
            cookie_file::vm_finds_one(given.raw, given.release.erts)?;
        }
        let mut flags = Vec::new();
        if !text.trim().is_empty() {
            self.add_file(VM_ARGS, text);
            flags.extend([Part::Text("-args_file ".into()), Part::Word(VM_ARGS)]);
        }
        if let Some((_, text)) = given.sys_config.take() {
            self.add_file(SYS_CONFIG, text);
            let space = if flags.is_empty() { "" } else { " " };
            flags.extend([Part::Text(format!("{space}-config ")), Part::Word(SYS_CONFIG)]);
        }
        if !flags.is_empty() {
            let theirs = given.raw.erl_zflags.as_deref().map(|flags| Part::Text(format!("{flags} ")));
            self.set("ERL_ZFLAGS", Value(theirs.into_iter().chain(flags).collect()));
            self.not_for_tools.push("ERL_ZFLAGS");
        }
        Ok(())
    }

    /// relx's plain script passes the release's own `vm.args` on the command line, with a name in it.
    fn name_before_own(&mut self, args: &NodeArgs, own: Option<&OwnArgs>, place: &str) -> Result<(), Error> {
        let Some((distribution, node)) = &args.node else { return Ok(()) };
        let short = own.filter(|own| own.has_sname && *distribution == Distribution::Long);
        if let Some(own) = short {
            let message = format!("{} has -sname, which the VM prefers to -name of {place}", own.path.display());
            return Err(data_error(message)
                .hint("drop -sname from the release's vm.args, or build it with extended_start_script true"));
        }
        let flag = if *distribution == Distribution::Long { "-name" } else { "-sname" };
        self.set("ERL_AFLAGS", format!("{flag} {node}"));
        self.not_for_tools.push("ERL_AFLAGS");
        Ok(())
    }

    /// Puts the cookie into a file, else into the text that is handed over, which it gives.
    fn erl_cookie(
        &mut self,
        given: &Given<'_>,
        cookie: Cookie,
        named_by: &str,
        mut text: String,
        own: Option<&OwnArgs>,
    ) -> Result<String, Error> {
        let of_own = own.map_or(0, |own| own.cookies);
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        let line = if self.cookie_as_asked(given, &cookie, named_by)?.is_ok() {
            if of_own == 1 { CANCELLING.to_owned() } else { String::new() }
        } else if let Some(own) = own.filter(|_| of_own > 0) {
            let message =
                format!("{} has a cookie too: with the one of {named_by} the VM would use neither", own.path.display());
            let hint = if given.cookie_mode == CookieMode::Args { "set BEAMINIT_COOKIE=file, or " } else { "" };
            return Err(data_error(message).hint(format!("{hint}drop -setcookie from the release's vm.args")));
        } else {
            format!("-setcookie {}\n", cookie.expose())
        };
        self.cookie = Some(cookie);
        Ok(text + &line)
    }
}

/// The node's name where others than we give it to the VM.
fn named_outside(given: &Given<'_>) -> Option<NodeName> {
    let words = words_outside(given);
    let name = words.windows(2).find(|pair| {
        let flag = pair.first().map(String::as_str).unwrap_or_default();
        ["-name", "--name", "-sname", "--sname"].contains(&flag)
    });
    NodeName::parse(name?.last()?).ok()
}

fn has_cookie_outside(given: &Given<'_>) -> bool {
    words_outside(given).iter().any(|word| word == "-setcookie" || word == "--cookie")
}

/// The words of all flags that the VM gets from others than us.
fn words_outside(given: &Given<'_>) -> Vec<String> {
    let raw = given.raw;
    let command = given.release.command.iter().map(|word| word.to_string_lossy().into_owned());
    let of_environment = [&raw.erl_aflags, &raw.erl_flags, &raw.erl_zflags, &raw.elixir_erl_options];
    let flags =
        of_environment.into_iter().flatten().flat_map(|flags| flags.split_ascii_whitespace().map(str::to_owned));
    command.chain(flags).collect()
}
