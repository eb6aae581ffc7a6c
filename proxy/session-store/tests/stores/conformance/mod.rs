//! What every store must do, run against each of them.

mod changes;
mod due;
mod grants;
mod indexes;
mod leases;
mod marks;
mod notes;
mod sessions;
mod shared_tokens;
mod slots;

macro_rules! on {
    ($store:ident: $($topic:ident { $($test:ident,)* })*) => {
        mod $store {
            $($(
                #[tokio::test]
                async fn $test() {
                    super::$topic::$test(crate::bench::Bench::$store().await).await;
                }
            )*)*
        }
    };
}

macro_rules! on_every_store {
    ($($tests:tt)*) => {
        on! { memory: $($tests)* }
        on! { redis: $($tests)* }
        on! { cluster: $($tests)* }
    };
}

on_every_store! {
    sessions {
        a_session_is_read_as_it_was_created,
        what_the_provider_did_not_say_stays_unsaid,
        an_unknown_session_is_absent,
        a_session_is_gone_when_its_lifetime_has_passed,
        creating_a_session_twice_is_the_same_as_once,
        last_seen_only_goes_forward,
        touching_an_ended_session_brings_nothing_back,
        a_description_has_the_profile_and_every_slot,
        of_many_ends_of_one_session_exactly_one_is_given_it,
        a_refusal_ends_no_session_that_was_renewed_meanwhile,
        an_ended_session_comes_with_all_that_must_be_revoked,
        a_replaced_session_says_so_for_a_while_and_takes_no_writes,
        a_logout_leaves_nothing_behind,
    }
    slots {
        a_slot_is_read_for_its_own_service_alone,
        every_refusal_is_read_as_it_was_stored,
        tokens_of_two_services_do_not_lose_each_other,
        a_late_slot_brings_no_ended_session_back,
        a_slot_of_a_spent_generation_is_stale,
        a_slot_does_not_prolong_its_session,
    }
    grants {
        a_grant_is_read_as_it_was_stored,
        a_grant_without_a_refresh_token_stays_without,
        of_many_completions_of_one_generation_exactly_one_is_stored,
        a_result_is_stored_whoever_holds_the_lease_by_then,
        a_late_completion_brings_no_ended_session_back,
        completing_a_grant_that_was_never_there_is_stale,
        a_fresh_grant_makes_flights_of_the_old_one_stale,
        a_fresh_grant_of_an_ended_session_is_not_stored,
    }
    leases {
        of_many_holders_exactly_one_gets_the_lease,
        a_lease_that_is_not_kept_runs_out_and_a_kept_one_does_not,
        a_lease_is_given_back_by_its_holder_alone,
        leases_of_two_grants_do_not_touch_each_other,
        nobody_leases_what_is_not_there,
        a_sent_mark_outlives_its_holder_and_its_deadline,
        a_mark_keeps_the_time_of_the_first_one_of_its_generation,
        only_the_holder_marks_and_only_the_current_generation,
        only_the_sender_takes_a_mark_back,
        a_completion_clears_the_mark,
    }
    indexes {
        the_sessions_of_a_subject_are_those_of_its_issuer,
        ending_one_session_leaves_the_others_in_the_index,
        sessions_are_found_by_the_providers_session,
        sessions_that_are_over_are_not_listed,
    }
    due {
        due_sessions_come_earliest_first_and_no_more_than_asked_for,
        a_new_session_is_not_due_until_it_is_scheduled,
        a_later_note_replaces_the_earlier_one,
        an_unscheduled_session_is_not_due,
        ended_sessions_are_not_due,
        sessions_are_counted,
    }
    changes {
        the_end_of_a_session_is_told_once_to_every_listener,
        a_replaced_session_is_told_apart_from_one_that_ended,
        a_stored_slot_is_told_with_its_service,
        what_was_not_written_is_not_told,
    }
    shared_tokens {
        a_token_of_our_own_is_read_by_its_mark_until_it_ends,
        a_token_that_has_ended_is_none,
        a_claim_that_is_given_back_can_be_taken_again,
    }
    notes {
        a_note_is_read_by_its_mark,
        a_note_is_gone_when_its_time_is_over,
    }
    marks {
        a_mark_is_claimed_once,
        of_many_claims_exactly_one_succeeds,
        a_mark_may_be_claimed_again_when_its_time_is_over,
        a_store_that_answers_says_so,
    }
}
