//! The scripts that make each conditional write one atomic step.

use redis::Script;

pub(super) struct Scripts {
    pub(super) create: Script,
    pub(super) end: Script,
    pub(super) touch: Script,
    pub(super) put_slot: Script,
    pub(super) put_grant: Script,
    pub(super) complete: Script,
    pub(super) acquire: Script,
    pub(super) keep: Script,
    pub(super) release: Script,
    pub(super) mark_sent: Script,
    pub(super) clear_sent: Script,
    pub(super) index_add: Script,
    pub(super) schedule: Script,
    pub(super) claim_once: Script,
}

impl Scripts {
    pub(super) fn new() -> Self {
        Self {
            create: Script::new(include_str!("scripts/create.lua")),
            end: Script::new(include_str!("scripts/end.lua")),
            touch: Script::new(include_str!("scripts/touch.lua")),
            put_slot: Script::new(include_str!("scripts/put_slot.lua")),
            put_grant: Script::new(include_str!("scripts/put_grant.lua")),
            complete: Script::new(include_str!("scripts/complete.lua")),
            acquire: Script::new(include_str!("scripts/acquire.lua")),
            keep: Script::new(include_str!("scripts/keep.lua")),
            release: Script::new(include_str!("scripts/release.lua")),
            mark_sent: Script::new(include_str!("scripts/mark_sent.lua")),
            clear_sent: Script::new(include_str!("scripts/clear_sent.lua")),
            index_add: Script::new(include_str!("scripts/index_add.lua")),
            schedule: Script::new(include_str!("scripts/schedule.lua")),
            claim_once: Script::new(include_str!("scripts/claim_once.lua")),
        }
    }
}
