//! Which cookie a node shall have, of those that were given, and how it becomes a file.

use super::{Given, HandOver, Value, data_error};
use crate::error::{Error, Stage};
use crate::exit;
use crate::release::cookie::{self, Cookie};
use crate::release::cookie_file::{self, Place};
use crate::release::{CookieMode, Kind};

impl HandOver {
    /// The cookie that the node shall have, and where it was given. `in_environment` is where the kind's own scripts
    /// look for one.
    pub(super) fn the_cookie(
        given: &Given<'_>,
        in_environment: (&str, Option<&str>),
    ) -> Result<Option<(Cookie, String)>, Error> {
        let template = given.vm_args.as_ref().and_then(|(template, args)| Some((template, args.cookie.clone()?)));
        let template =
            template.map(|(template, cookie)| (cookie, format!("-setcookie of {}", template.path.display())));
        let secret = given.secret.as_ref().map(|secret| (secret.cookie.clone(), secret.path.display().to_string()));
        let (variable, value) = in_environment;
        let environment = value.map(|value| {
            let cookie = Cookie::parse(value)
                .map_err(|reason| data_error(format!("the cookie in {variable} {reason}")).hint(cookie::CURE))?;
            Ok((cookie, format!("{variable} of the environment")))
        });
        let mut all = [template, secret, environment.transpose()?].into_iter().flatten();
        let Some(first) = all.next() else {
            // On request not even that one is left on the command line; any other takes its place.
            let own = given.own.as_ref().filter(|_| given.cookie_mode == CookieMode::File);
            return Ok(own.and_then(|own| Some((own.cookie.clone()?, format!("-setcookie of {}", own.path.display())))));
        };
        match all.find(|(cookie, _)| *cookie != first.0) {
            None => Ok(Some(first)),
            // Which one the release took would be chance to its users.
            Some((_, other)) => Err(data_error(format!("{} and {other} differ", first.1))
                .hint(format!("drop one of them, or write -setcookie ${{{variable}}} in the template"))),
        }
    }

    /// Puts the cookie where the VM finds it as a file. Where it cannot, the reason.
    pub(super) fn cookie_file(
        &mut self,
        given: &Given<'_>,
        cookie: &Cookie,
        named_by: &str,
    ) -> Result<Result<(), String>, Error> {
        let prefers_home = given.release.kind == Kind::RabbitMq;
        match cookie_file::place(given.raw, given.release.erts, cookie, named_by, prefers_home)? {
            Err(reason) if given.cookie_mode == CookieMode::File => {
                Err(Error::new(Stage::HandOver, exit::CANNOT_CREATE, format!("BEAMINIT_COOKIE=file: {reason}"))
                    .hint("give the user a HOME of its own that it may write, or set BEAMINIT_COOKIE=args"))
            }
            Err(reason) => Ok(Err(reason)),
            Ok(place) => {
                match place {
                    Place::AlreadyThere => {}
                    Place::Home(path) => self.home_cookie = Some(path),
                    Place::RunDir => {
                        self.folders.push(cookie_file::FOLDER);
                        self.add_file(cookie_file::IN_RUN_DIR, cookie.expose().to_owned());
                        self.set("XDG_CONFIG_HOME", Value::run_dir());
                    }
                }
                Ok(Ok(()))
            }
        }
    }
}
