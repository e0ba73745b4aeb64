use super::*;

#[test]
fn steps_that_begin_together_are_one_group() {
    let step = |with_previous| PlannedStep {
        number: 1,
        name: String::new(),
        condition: Condition::Success,
        with_previous,
        window: None,
        roles: Vec::new(),
        places: Vec::new(),
        actions: Vec::new(),
        skipped: None,
    };
    let steps = [false, true, false, false, true, true].map(step);
    assert_eq!(groups(&steps), [vec![0, 1], vec![2], vec![3, 4, 5]]);
    assert_eq!(groups(&[true].map(step)), [vec![0]], "the first waits for nobody");
}

#[test]
fn sentences_begin_with_a_capital() {
    assert_eq!(capital("step 1"), "Step 1");
    assert_eq!(capital(""), "");
}
