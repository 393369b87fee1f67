from core.controls import Controls, InForce


def test_what_is_recorded_of_the_controls_is_what_a_decision_rests_on() -> None:
    controls = Controls(
        {"angle": InForce("prefill", ("Certified.",), certified=True, threshold=0.2), "draft": InForce("suggest")},
        lockdown="a leak",
    )
    again = Controls.from_json(controls.to_json())
    assert again.lockdown == "a leak" and again.of("draft") == InForce("suggest")
    assert again.of("angle") == InForce("prefill", certified=True, threshold=0.2)


def test_a_task_type_of_which_nothing_is_known_only_reads() -> None:
    assert Controls().of("wire").level == "observe" and not Controls().of("wire").certified
