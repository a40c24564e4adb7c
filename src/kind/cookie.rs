//! Which cookie a node shall have, of those that were given.

use super::spec::HandOverInput;
use crate::cookie::{self, Cookie};
use crate::error::{Error, Problem};
use crate::file::vm_args_word;
use crate::hand_over::cookie::{CookieLookup, CookiePlacement, CookieRequest};
use crate::hand_over::{HandOver, Part, data_error};
use crate::variables::CookieMode;
use std::path::Path;

/// A cookie and where it was given, in words.
pub(super) struct NamedCookie {
    pub(super) cookie: Cookie,
    pub(super) named_by: String,
}

/// The cookie that the node shall have. `variable` is where the kind's own scripts look for one, with its value.
///
/// # Errors
/// Two were given that differ, or one that the VM would refuse: exit code 65.
pub(super) fn choose_cookie(
    input: &HandOverInput<'_>,
    variable: &str,
    value: Option<&str>,
) -> Result<Option<NamedCookie>, Error> {
    let mut given = Vec::new();
    if let Some((template, args)) = &input.vm_args
        && let Some(cookie) = args.cookie.clone()
    {
        given.push(NamedCookie { cookie, named_by: format!("-setcookie of {}", template.path.display()) });
    }
    if let Some(secret) = &input.secret {
        given.push(NamedCookie { cookie: secret.cookie.clone(), named_by: secret.path.display().to_string() });
    }
    if let Some(value) = value {
        let cookie = Cookie::parse(value)
            .map_err(|reason| data_error(format!("the cookie in {variable} {reason}")).hint(cookie::CURE))?;
        given.push(NamedCookie { cookie, named_by: format!("{variable} of the environment") });
    }
    let mut given = given.into_iter();
    let Some(first) = given.next() else { return Ok(own_cookie(input)) };
    // Which of two the release took would be chance to its users.
    if let Some(other) = given.find(|other| other.cookie != first.cookie) {
        return Err(data_error(format!("{} and {} differ", first.named_by, other.named_by))
            .hint(format!("drop one of them, or write -setcookie ${{{variable}}} in the template")));
    }
    Ok(Some(first))
}

/// On request not even the release's own is left on the command line; any other takes its place.
fn own_cookie(input: &HandOverInput<'_>) -> Option<NamedCookie> {
    let (path, own) = input.own.as_ref().filter(|_| input.cookie_mode == CookieMode::File)?;
    Some(NamedCookie { cookie: own.cookie.clone()?, named_by: format!("-setcookie of {}", path.display()) })
}

impl NamedCookie {
    pub(super) fn request<'a>(&'a self, input: &HandOverInput<'a>, lookup: CookieLookup) -> CookieRequest<'a> {
        CookieRequest {
            raw: input.raw,
            erts: input.release.erts,
            mode: input.cookie_mode,
            cookie: &self.cookie,
            named_by: &self.named_by,
            lookup,
            access: input.access,
        }
    }

    /// Puts the cookie into a file; where that cannot be, the log says why it is on the command line.
    pub(super) fn place(
        &self,
        plan: &mut HandOver,
        input: &HandOverInput<'_>,
        lookup: CookieLookup,
    ) -> Result<CookiePlacement, Error> {
        let placement = plan.place_cookie(&self.request(input, lookup))?;
        if let CookiePlacement::CommandLine { why: Some(Problem { message, hint, .. }) } = &placement {
            let message =
                format!("the cookie is passed on the VM's command line, where every process can read it: {message}");
            plan.warn(message, hint.clone().unwrap_or_default());
        }
        Ok(placement)
    }

    /// Gives the cookie to the VM on its command line, where no file of ours is for the VM's user alone.
    pub(super) fn pass_as_flag(&self, plan: &mut HandOver, input: &HandOverInput<'_>) {
        let cookie = vm_args_word(Path::new(self.cookie.expose()));
        let flags = vec![Part::Text("-setcookie ".into()), Part::Secret(cookie)];
        plan.add_flags(input.raw.erl_zflags.as_deref(), flags);
    }
}
