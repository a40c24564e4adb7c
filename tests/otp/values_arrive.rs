//! Whatever a variable holds arrives in the configuration of each VM, in OTP 27 also in triple-quoted strings and sigils.

use crate::support::files::directory_of;
use crate::support::vm::{BOOT, ask, wait_for_node};
use crate::support::{Cluster, DnsSettings, Ended, Otp};

const NODE: &str = "demo@demo-0.demo.default.svc.cluster.local";
const COOKIE: &str = "sesame-4711";

on_each_otp!(in_sys_config);

const SYS_CONFIG: &str = r#"%% ${THIS_IS_A_COMMENT}
[{demo, [
    {greeting, "$<PASSWORD>"},
    {string, "a $<PASSWORD> b"},
    {binary, <<"$<PASSWORD>"/utf8>>},
    {atom, '$<PASSWORD>'},
    {number, ${NUMBER}},
    {default, "${NOT_SET:-none}"}SIGILS
]}].
"#;

const SIGILS: &str = r#",
    {triple, """
        $<MOTTO> "quoted" \n
        """},
    {sigil, ~"$<PASSWORD>"},
    {list, ~s"$<PASSWORD>"},
    {verbatim, ~S[$<MOTTO> \n]},
    {brackets, ~b(a $<PASSWORD>)}"#;

const PASSWORD: &str = "a\"b\\c&d%e$f#g'h${V}$<V>i\tk~l]m)";
const MOTTO: &str = "never ${V} % 'again'";

fn in_sys_config(otp: Otp) {
    let sigils = if otp.has_sigils() { SIGILS } else { "" };
    let vm_args = "-name demo@${MY_POD_FQDN}\n-setcookie ${ERLANG_COOKIE}\n";
    let config = directory_of(&[("vm.args", vm_args), ("sys.config", &SYS_CONFIG.replace("SIGILS", sigils))]);
    let release = otp.relx_release();
    let cluster = Cluster::start(DnsSettings::default());
    let pod = cluster.pod("demo-0").system(otp.root()).uid(54321).read_only_root(true).release(&release);
    cluster.dns().publish(&pod.fqdn(), &[pod.address()]);
    let pod = pod.mount_config(config.path()).env("RELEASE_CONFIG_DIR", "/beamconfig").env("ERLANG_COOKIE", COOKIE);
    let pod = pod.env("PASSWORD", PASSWORD).env("NUMBER", "4711").env("MOTTO", MOTTO);
    let pod = pod.command(["bin/demo", "foreground"]).start();
    wait_for_node(&pod, "demo");

    let value = |key: &str| format!("element(2, application:get_env(demo, {key}))");
    let text = |key: &str| format!("unicode:characters_to_list({})", value(key));
    let [string, binary, atom, number, default] = ask(
        &pod,
        NODE,
        COOKIE,
        [
            &text("string"),
            &text("binary"),
            &format!("atom_to_list({})", value("atom")),
            &value("number"),
            &value("default"),
        ],
    );
    assert_eq!((number.as_str(), default.as_str()), ("4711", &*list("none")));
    assert_eq!((string, binary, atom), (list(&format!("a {PASSWORD} b")), list(PASSWORD), list(PASSWORD)));
    if otp.has_sigils() {
        let keys = ["triple", "sigil", "list", "verbatim", "brackets"].map(text);
        let found = ask(&pod, NODE, COOKIE, keys.each_ref().map(String::as_str));
        let brackets = format!("a {PASSWORD}");
        let expected = [&format!("{MOTTO} \"quoted\" \\n"), PASSWORD, PASSWORD, &format!("{MOTTO} \\n"), &brackets];
        assert_eq!(found, expected.map(list));
    }
    pod.signal(15);
    assert_eq!(pod.wait(BOOT), Ended::Code(0));
}

/// A string as the VM prints it with `~w`: as a list of numbers.
fn list(text: &str) -> String {
    let numbers: Vec<_> = text.chars().map(|character| u32::from(character).to_string()).collect();
    format!("[{}]", numbers.join(","))
}
