//! Real processes, as PID 1 of pods that are made of namespaces, in a cluster with their own DNS server. One file a promise.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a test ends with a panic, waits for its own children and polls with a deadline"
)]

mod a_bad_template_stops_the_start;
mod a_drop_in_changes_nothing;
mod a_hint_that_is_followed_cures;
mod a_missing_record_ends_the_start;
mod a_predecessors_address_does_not_count;
mod a_probe_asks_the_node;
mod a_probe_believes_no_stranger;
mod a_release_is_known_by_its_files;
mod a_rolling_restart_keeps_the_cluster;
mod a_stop_request_ends_the_wait;
mod a_terminal_works_as_without_us;
mod an_odd_template_is_named_or_read;
mod another_user_reads_what_is_rendered;
mod bad_surroundings_are_no_panic;
mod erlexec_reads_the_same_words;
mod every_generation_of_start_scripts;
mod every_release_kind_starts_under_its_name;
mod every_value_arrives_in_sys_config;
mod every_vm_is_asked_to_stop;
mod exec_joins_the_running_release;
mod exec_reaches_every_kind;
mod exec_says_what_it_found;
mod exit_codes_are_passed_through;
mod explain_agrees_with_the_start;
mod explain_changes_nothing;
mod explain_is_documented;
mod explain_says_who_decides;
mod explain_sees_what_runs;
mod few_libraries_are_linked;
mod hostile_surroundings_do_no_harm;
mod layering;
mod logs_tell_the_story;
mod no_term_is_lost;
mod no_value_becomes_a_flag;
mod nodes_connect_over_tls;
mod odd_scripts_are_started_as_they_are;
mod orphans_are_reaped;
mod peers_dial_the_names_that_nodes_have;
mod rabbitmq_keeps_its_member;
mod rabbitmq_starts_through_its_wrappers;
mod readme;
mod real_dns_servers;
mod secrets_are_hidden_by_their_place;
mod servers_start_by_their_recipes;
mod servers_with_their_own_script_start;
mod settings_are_found_where_the_release_finds_them;
mod signals_are_forwarded;
mod supervision_is_as_asked;
mod system_calls_are_the_usual_ones;
mod templates_render_as_before;
mod the_binary_brings_itself_along;
mod the_cause_of_a_missing_record_is_named;
mod the_child_starts_clean;
mod the_command_line_explains_itself;
mod the_cookie_is_only_where_it_must_be;
mod the_manifests_start_as_they_stand;
mod the_record_is_seen_despite_a_denial;
mod the_sandbox_works_as_a_pod;
mod the_source_stays_readable;
mod the_start_waits_for_peers;
mod the_supervisor_is_a_fresh_image;
mod the_talks_configmap_starts_a_release;
mod the_test_dns_follows_coredns_rules;
mod the_test_releases_work_without_beaminit;
mod the_text_is_plain_english;
mod the_wait_leaves_nothing_behind;
mod the_wait_reads_odd_resolv_confs;
mod the_wait_survives_lost_answers;
mod the_wait_survives_odd_answers;
mod the_wait_survives_refusals;
mod values_mean_what_they_meant;
mod what_is_wrong_is_said_before_the_wait;
mod what_looks_wrong_is_a_warning;
mod what_runs_in_the_end_counts;
mod whatever_worked_works_behind_beaminit;

// So that a test names the shared crate as what it is here.
use test_support as support;
