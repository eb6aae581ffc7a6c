use super::*;

fn problems(text: &str) -> Vec<String> {
    let tree = parse(text);
    tree.problems
        .iter()
        .map(|p| format!("{}: {}: {}; {}", p.line, p.key, p.problem, p.fix))
        .collect()
}

#[test]
fn every_value_knows_its_line_and_scalars_stay_text() {
    let tree = parse("# a comment\na: 0123\nb:\n  - x\n  - {c: on}\n");
    let Value::Mapping(entries) = tree.root.unwrap().value else {
        panic!()
    };
    assert!(matches!(&entries[0].node.value, Value::Scalar(text) if text == "0123"));
    let Value::List(items) = &entries[1].node.value else {
        panic!()
    };
    let lines: Vec<u32> = items.iter().map(|item| item.line).collect();
    assert_eq!((entries[1].line, lines), (3, vec![4, 5]));
}

#[test]
fn a_key_that_stands_twice_is_named_with_both_lines() {
    assert_eq!(
        problems("a:\n  - b: 1\n    c: 2\n    b: 3\n"),
        ["4: a[0].b: stands twice, first in line 2; remove one of the two"]
    );
}

#[test]
fn what_is_no_yaml_gives_the_line_and_the_parsers_words() {
    let found = problems("a: [1\nb: 2\n");
    assert!(
        found[0].contains("is no valid YAML: ") && found[0].len() > 60,
        "{found:?}"
    );
}

#[test]
fn aliases_are_expanded_up_to_a_bound() {
    let tree = parse("a: &x [1, 2]\nb: *x\n");
    let Value::Mapping(entries) = tree.root.unwrap().value else {
        panic!()
    };
    assert!(matches!(&entries[1].node.value, Value::List(items) if items.len() == 2));
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..8 {
        let alias = format!("*a{}, ", level - 1).repeat(10);
        bomb.push_str(&format!("a{level}: &a{level} [{alias}]\n"));
    }
    let found = problems(&bomb);
    assert!(found[0].contains("holds too many values"), "{found:?}");
}

#[test]
fn other_oddities_are_refused_by_name() {
    for (text, problem) in [
        ("a: !secret x\n", "the tag `!secret` means nothing here"),
        ("a: 1\n---\nb: 1\n", "a second YAML document begins here"),
        ("[a]: 1\n", "a list or mapping stands as a key"),
        ("~: 1\n", "a key is no plain word"),
    ] {
        let found = problems(text);
        assert!(
            found.iter().any(|line| line.contains(problem)),
            "{text}: {found:?}"
        );
    }
}

#[test]
fn an_empty_file_has_no_root() {
    for text in ["", "\n", "# nothing\n", "---\n"] {
        let tree = parse(text);
        assert!(tree.root.is_none() && tree.problems.is_empty(), "{text:?}");
    }
}
