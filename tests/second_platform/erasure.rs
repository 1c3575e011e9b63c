//! `forget` and `reset` with two platforms in one archive.

use memchr::memmem;

use crate::sandbox::{EVE, GENERAL_MESSAGES, Sandbox, hash};

pub fn erased_user_leaves_no_trace_in_the_files() {
    let sandbox = Sandbox::new();
    sandbox.run(&["start"]).expect_code(0);
    let ran = sandbox.run(&["forget", "--user", EVE, "--yes"]).expect_code(0);
    assert!(!format!("{}{}", ran.stdout, ran.stderr).contains(EVE), "her ID is repeated");
    let assert_erased = || {
        let bytes = sandbox.bytes();
        for trace in [EVE, hash(EVE).as_str()] {
            assert!(memmem::find(&bytes, trace.as_bytes()).is_none(), "{trace} is still in the files");
        }
        let thanks = sandbox.texts("SELECT content FROM message_log WHERE content LIKE 'thanks <%'");
        assert_eq!(thanks, ["thanks <@forgotten>"]);
    };
    assert_erased();
    sandbox.run(&["start", "--full"]).expect_code(0);
    assert_erased();
}

pub fn reset_tenant_is_reread_and_the_other_is_unaffected() {
    let sandbox = Sandbox::new();
    sandbox.run(&["start"]).expect_code(0);
    let messages = || sandbox.common.rows("SELECT * FROM messages ORDER BY 1, 2");
    let before = messages();
    let progress = |tenant: &str| {
        sandbox.common.rows(&format!(
            "SELECT p.* FROM sync_progress p JOIN tenants t ON t.id = p.tenant_id WHERE t.name = '{tenant}' ORDER BY 1, 2"
        ))
    };
    let of_guild = progress("guild");
    sandbox.run(&["reset", "--tenant", "team", "--yes"]).expect_code(0);
    assert_eq!(progress("guild"), of_guild);
    assert_eq!(messages(), before);
    let pages_before = sandbox.page_limits().len();
    sandbox.run(&["start"]).expect_code(0);
    let pages = sandbox.page_limits().len() - pages_before;
    assert!(pages >= usize::try_from(GENERAL_MESSAGES.div_ceil(200)).unwrap(), "{pages} pages");
    assert_eq!(messages(), before);
    sandbox.assert_team_archived();
}
