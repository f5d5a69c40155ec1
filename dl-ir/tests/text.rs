//! Text of modules: canonical form, errors and their places, limits, and text of any kind.

mod common;

use arbtest::arbitrary::{Result, Unstructured};
use dl_ir::module::Init;
use dl_ir::text::{self, ParseProblem};
use dl_ir::verify::{Violation, verify_module};

const CANONICAL: &str = r#"dl 1
network "< dense(2, 1) >"
state dense0.weight : f32[2, 1] parameter glorot_uniform(2, 1)
state "the rate" : f32[] hyper constant(0.001)
function predict {
  %0 = input {name="x"} : f32[B, 2]
  %1 = state {name="dense0.weight"} : f32[2, 1]
  %2 = einsum %0, %1 {subscripts="ab,bc->ac"} : f32[B, 1]
  return y = %2
}
function shift {
  %0 = state {name="dense0.weight"} : f32[2, 1]
  %1 = constant {value=-1e-20} : f32[2, 1]
  %2 = add %0, %1 : f32[2, 1]
  %3 = max_with_index %2 {axes=[0]} : (f32[1], i32[1])
  %4 = get %3 {index=1} : i32[1]
  return where = %4
  update dense0.weight = %2
}
"#;

#[test]
fn canonical_text_prints_as_itself() {
    let module = text::parse(CANONICAL).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(module.to_string(), CANONICAL);
    assert_eq!(module.network, "< dense(2, 1) >");
    assert_eq!(
        module.state("dense0.weight").map(|s| s.init),
        Some(Init::GlorotUniform { fan_in: 2, fan_out: 1 })
    );
}

#[test]
fn comments_spaces_and_names_do_not_matter() {
    let text = "; a comment\ndl 1// another\nfunction f{%start=input{name=\"x\"}:f32[ 3B ]return y=%end.1 }";
    let text = text.replace("return", "%end.1 = neg %start : f32[\n3B] return");
    let module = text::parse(&text).unwrap_or_else(|error| panic!("{error}"));
    let canonical = "\
dl 1
function f {
  %0 = input {name=\"x\"} : f32[3B]
  %1 = neg %0 : f32[3B]
  return y = %1
}
";
    assert_eq!(module.to_string(), canonical);
}

#[test]
fn a_repeated_line_is_the_earlier_node() {
    let text = "dl 1 function f { %a = batch_size {multiple=1} : f32[] %b = batch_size {multiple=1} : f32[]
        %c = add %a, %b : f32[] return y = %c }";
    let module = text::parse(text).unwrap_or_else(|error| panic!("{error}"));
    let canonical = module.to_string();
    assert!(canonical.contains("%1 = add %0, %0"), "{canonical}");
    assert_eq!(text::parse(&canonical).as_ref(), Ok(&module));
}

#[test]
fn an_error_shows_its_line_with_a_caret() {
    let text = CANONICAL.replace("= add", "= ad");
    let error = text::parse(&text).expect_err("there is no such op");
    let expected = "\
line 14, column 8: unknown op `ad`: did you mean `add`?
   |
14 |   %2 = ad %0, %1 : f32[2, 1]
   |        ^";
    assert_eq!(error.to_string(), expected);
}

/// Each mistake, made in the canonical text, is found where it is.
#[test]
fn mistakes_are_found_where_they_are() {
    type Check = fn(&ParseProblem) -> bool;
    let cases: &[(&str, &str, (usize, usize), Check)] = &[
        ("dl 1", "dl 2", (1, 4), |p| matches!(p, ParseProblem::Version { found: 2 })),
        ("dl 1", "ld 1", (1, 1), |p| matches!(p, ParseProblem::Expected { .. })),
        ("parameter", "parametre", (3, 33), |p| {
            matches!(p, ParseProblem::Unknown { suggestion: Some("parameter"), .. })
        }),
        ("glorot_uniform(2, 1)", "glorot_uniform(2)", (3, 43), |p| {
            matches!(p, ParseProblem::Expected { .. })
        }),
        ("f32[B, 2]", "f32[b, 2]", (6, 31), |p| matches!(p, ParseProblem::Expected { .. })),
        ("f32[B, 2]", "f32[B, B]", (6, 27), |p| matches!(p, ParseProblem::TooLarge)),
        ("f32[B, 2]", "f32[B, 99999999999]", (6, 34), |p| matches!(p, ParseProblem::TooLarge)),
        ("f32[B, 2]", "f64[B, 2]", (6, 27), |p| {
            matches!(p, ParseProblem::Unknown { what: "element type", .. })
        }),
        ("f32[B, 1]", "f32[B, 12]", (8, 49), |p| matches!(p, ParseProblem::TypeMismatch { .. })),
        (
            "%0, %1 {sub",
            "%0, %7 {sub",
            (8, 19),
            |p| matches!(p, ParseProblem::Undefined { name } if name == "7"),
        ),
        ("%2 = einsum", "%1 = einsum", (8, 3), |p| matches!(p, ParseProblem::Redefined { .. })),
        ("ab,bc->ac", "ab,bc", (8, 8), |p| matches!(p, ParseProblem::Attribute { op: "einsum", .. })),
        ("ab,bc->ac", "ab,ca->bc", (8, 8), |p| matches!(p, ParseProblem::Infer { op: "einsum", .. })),
        ("{axes=[0]}", "{axes=[0], axes=[1]}", (15, 37), |p| matches!(p, ParseProblem::Redefined { .. })),
        ("{name=\"x\"}", "{name=\"x}", (6, 20), |p| matches!(p, ParseProblem::Expected { .. })),
        ("return y = %2", "return y = %2 return y = %2", (9, 24), |p| {
            matches!(p, ParseProblem::Invalid(Violation::Duplicate { what: "result", .. }))
        }),
        ("update dense0.weight", "update nothing", (18, 10), |p| {
            matches!(p, ParseProblem::Invalid(Violation::UnknownState { .. }))
        }),
        ("return where = %4", "return where = %3", (17, 10), |p| {
            matches!(p, ParseProblem::Invalid(Violation::Leaves { .. }))
        }),
        ("function shift", "function predict", (11, 10), |p| {
            matches!(p, ParseProblem::Invalid(Violation::Duplicate { what: "function", .. }))
        }),
        ("\"the rate\" : f32[]", "dense0.weight : f32[]", (4, 7), |p| {
            matches!(p, ParseProblem::Invalid(Violation::Duplicate { what: "state", .. }))
        }),
        ("f32[] hyper", "f32[B] hyper", (4, 7), |p| {
            matches!(p, ParseProblem::Invalid(Violation::StateType { .. }))
        }),
        ("}\nfunction shift", "\nfunction shift", (11, 1), |p| matches!(p, ParseProblem::Expected { .. })),
    ];
    for (right, wrong, place, check) in cases {
        assert!(CANONICAL.contains(right), "{right}");
        let error = text::parse(&CANONICAL.replacen(right, wrong, 1)).expect_err(wrong);
        assert_eq!((error.line, error.column), *place, "{wrong}\n{error}");
        assert!(check(&error.problem), "{wrong}\n{error:?}");
    }
}

#[test]
fn limits_hold() {
    let types = |ty: &str| {
        text::parse(&format!("dl 1 state s : {ty} buffer constant(0)"))
            .map(drop)
            .map_err(|error| *error.problem)
    };
    let ones = |n: usize| format!("f32[{}]", vec!["1"; n].join(", "));
    assert!(types(&ones(16)).is_ok());
    assert_eq!(types(&ones(17)), Err(ParseProblem::TooLarge));
    assert!(types("f32[2147483648]").is_ok());
    assert!(types("f32[2147483649]").is_err());
    assert!(types("f32[65536, 65536]").is_err());
    assert!(types("f32[184467440737095516160]").is_err());
    let axes = vec!["0"; 2000].join(", ");
    let long = format!("dl 1 function f {{ %0 = reduce_sum {{axes=[{axes}]}} : f32[] }}");
    let error = text::parse(&long).expect_err("a list that is too long");
    assert_eq!(*error.problem, ParseProblem::TooManyItems);
    let error = text::parse(&" ".repeat(text::MAX_LENGTH + 1)).expect_err("a text that is too long");
    assert_eq!(*error.problem, ParseProblem::TooLong { length: text::MAX_LENGTH + 1 });
}

#[test]
fn a_long_line_is_shown_in_part() {
    let text = format!("dl 1 network \"{}\" oops", "é".repeat(10_000));
    let error = text::parse(&text).expect_err("a stray word");
    assert_eq!((error.line, error.column), (1, 10_017));
    let shown = error.to_string();
    assert!(shown.len() < 600, "{shown}");
    assert!(shown.ends_with(&format!("1 | {}\" oops\n  | {}^", "é".repeat(58), " ".repeat(60))), "{shown}");
}

#[test]
fn random_modules_round_trip() {
    common::for_all(|u| {
        let module = common::random_module(u)?;
        assert_eq!(verify_module(&module), Ok(()), "{module}");
        let printed = module.to_string();
        let parsed = text::parse(&printed).unwrap_or_else(|error| panic!("{error}\n{printed}"));
        assert_eq!(parsed, module);
        assert_eq!(parsed.to_string(), printed);
        Ok(())
    });
}

/// Cut, repeated and replaced at random places, text is an error or a module; it never panics.
#[test]
fn mangled_text_never_panics() {
    common::for_all(|u| {
        let text = common::random_module(u)?.to_string();
        let mut bytes = if u.arbitrary()? { text.into_bytes() } else { CANONICAL.as_bytes().to_vec() };
        for _ in 0..u.int_in_range(1..=8)? {
            mangle(u, &mut bytes)?;
        }
        let text = String::from_utf8_lossy(&bytes);
        match text::parse(&text) {
            Ok(module) => assert_eq!(text::parse(&module.to_string()), Ok(module), "{text}"),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
        Ok(())
    });
}

#[test]
fn arbitrary_text_never_panics() {
    common::for_all(|u| {
        let text: String = u.arbitrary()?;
        let _ = text::parse(&text);
        let _ = text::parse(&format!("dl 1 function f {{ {text}"));
        Ok(())
    });
}

fn mangle(u: &mut Unstructured<'_>, bytes: &mut Vec<u8>) -> Result<()> {
    const PIECES: [&str; 12] =
        ["%0", "{", "}", "\"", ",", "-1", "99999999999999999999", "B", "[", "\\", "é", "get %3 {index=9}"];
    let start = u.choose_index(bytes.len() + 1)?;
    let end = (start + u.int_in_range(0..=20)?).min(bytes.len());
    let piece = match u.int_in_range(0..=3)? {
        0 => Vec::new(),
        1 => u.choose(&PIECES)?.as_bytes().to_vec(),
        2 => bytes[start..end].repeat(2),
        _ => {
            let from = u.choose_index(bytes.len() + 1)?;
            bytes[from..(from + 12).min(bytes.len())].to_vec()
        }
    };
    bytes.splice(start..end, piece);
    Ok(())
}
