//! What a file sets, text by text.

use super::*;

fn set(text: &str) -> Vec<(&'static str, usize)> {
    let ours = ["RELEASE_NODE", "RELEASE_DISTRIBUTION", "RELEASE_COOKIE"];
    assignments(text, &ours).into_iter().map(|found| (found.variable, found.line)).collect()
}

#[test]
fn an_assignment_overrides_what_is_given() {
    assert_eq!(set("# x\nexport RELEASE_NODE=a@b\n"), [("RELEASE_NODE", 2)]);
    assert_eq!(
        set("RELEASE_DISTRIBUTION=name; export RELEASE_NODE=\"a@$(hostname -f)\""),
        [("RELEASE_NODE", 1), ("RELEASE_DISTRIBUTION", 1)]
    );
    assert_eq!(set("case $x in start*) RELEASE_COOKIE=x ;; esac"), [("RELEASE_COOKIE", 1)]);
    assert_eq!(set("export RELEASE_NODE=${RELEASE_NODE_NAME}"), [("RELEASE_NODE", 1)]);
}

#[test]
fn what_only_tools_set_is_not_the_starts() {
    assert_eq!(set("case $RELEASE_COMMAND in\n  start*) ;;\n  *) export RELEASE_NODE=tool@x ;;\nesac\n"), []);
    assert_eq!(set("case $RELEASE_COMMAND in\n  start*|daemon*) RELEASE_NODE=a@x ;;\nesac\n"), [("RELEASE_NODE", 2)]);
    assert_eq!(set("if [ \"$RELEASE_COMMAND\" = remote ]; then\n  RELEASE_NODE=a@x\nfi\n"), []);
    assert_eq!(set("if [ \"$RELEASE_COMMAND\" != remote ]; then\n  RELEASE_NODE=a@x\nfi\n"), [("RELEASE_NODE", 2)]);
    assert_eq!(set("[ \"$RELEASE_COMMAND\" = rpc ] && RELEASE_NODE=a@x\n"), []);
    for unknown in ["\"$UNKNOWN\" = rpc", "-f /etc/node", "! -d /etc/node"] {
        assert_eq!(set(&format!("[ {unknown} ] && RELEASE_NODE=a@x\n")), [("RELEASE_NODE", 1)], "{unknown}");
    }
}

#[test]
fn a_node_named_by_an_address_awaits_no_record() {
    let reason = not_distributed;
    for text in [
        "export RELEASE_DISTRIBUTION=name\nexport RELEASE_NODE=\"shop@$POD_IP\"\n",
        "export RELEASE_NODE=shop@$(hostname -i)\n",
        "ip=$(grep fly-local-6pn /etc/hosts | cut -f 1)\nexport RELEASE_NODE=$FLY_APP_NAME@$ip\n",
        "IP=`ip addr show eth0 | awk x`\nRELEASE_NODE=\"shop@${IP}\"\n",
        "RELEASE_NODE=shop@${LOCAL_IPV4}\n",
        "RELEASE_NODE=\"srv@${RENDER_INTERNAL_IP}\"\n",
        "RELEASE_NODE=shop@127.0.0.1\n",
        "RELEASE_DISTRIBUTION=sname\nRELEASE_NODE=shop@localhost\n",
        "if [ -n \"$POD_IP\" ]; then\n  RELEASE_NODE=shop@$POD_IP\nelse\n  RELEASE_NODE=shop@localhost\nfi\n",
    ] {
        assert_eq!(reason(text), Some("it is named by an address"), "{text}");
    }
    assert_eq!(reason("export RELEASE_DISTRIBUTION=none\n"), Some("RELEASE_DISTRIBUTION=none"));
    for text in [
        "export RELEASE_NODE=shop@$(hostname -f)\n",
        "export RELEASE_DISTRIBUTION=name\n",
        "# POD_IP\n",
        "RELEASE_NODE=shop@$SHIP\n",
        "[ -n \"$K\" ] && RELEASE_NODE=shop@$(hostname -f) || RELEASE_NODE=shop@127.0.0.1\n",
        "if [ -n \"$K\" ]; then\n  RELEASE_NODE=shop@$(hostname -f)\nelse\n  RELEASE_NODE=shop@127.0.0.1\nfi\n",
        "",
    ] {
        assert_eq!(reason(text), None, "{text}");
    }
}

#[test]
fn a_short_name_is_left_to_who_gives_it() {
    let place = |text: &str, env_sh| other_name_in(&[("e.sh".into(), text.into())], env_sh).map(str::to_owned);
    assert_eq!(place("export RELEASE_NODE=a@b", "").as_deref(), Some("e.sh"));
    assert_eq!(place("export RELEASE_DISTRIBUTION=sname", "").as_deref(), Some("e.sh"));
    assert_eq!(place("", "export RELEASE_DISTRIBUTION=sname\n").as_deref(), Some("env.sh"));
    assert_eq!(place("export RELEASE_DISTRIBUTION=name RELEASE_NODE=a@b", "# RELEASE_DISTRIBUTION=sname\n"), None);
    assert_eq!(place("RELEASE_NODE=${RELEASE_NODE:-a}", "export RELEASE_DISTRIBUTION=name\n"), None);
}

#[test]
fn what_keeps_a_given_value_does_not() {
    for text in [
        "# export RELEASE_NODE=a@b",
        "  # RELEASE_NODE=a@b",
        "export RELEASE_NODE=\"${RELEASE_NODE:-a@b}\"",
        "export RELEASE_NODE=$RELEASE_NODE",
        "[ -z \"$RELEASE_NODE\" ] && export RELEASE_NODE=a@b",
        "if [ -z \"${RELEASE_NODE}\" ]; then\n  export RELEASE_NODE=a@b\nfi",
        ": ${RELEASE_NODE:=a@b}",
        "export RELEASE_NODE",
        "export MY_RELEASE_NODE=a@b",
        "echo $RELEASE_NODE",
    ] {
        assert_eq!(set(text), [], "{text}");
    }
}
