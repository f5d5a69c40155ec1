//! Each rule, broken.

use super::*;
use crate::vector::{Address, Carried, Mark, ProgramBuilder};

const HERE: Address = Address { arg: 0, offset: 0, step: 0 };

/// A straight program of 4 lanes, one argument and these instructions; stores have no result.
fn straight(ops: impl IntoIterator<Item = Op>) -> Program {
    let mut n_values = 0;
    let inst = |op: Op| {
        let result = op.has_result().then_some(Value(n_values));
        n_values += u32::from(result.is_some());
        Inst { result, op, mark: Mark::default() }
    };
    let insts = ops.into_iter().map(inst).collect();
    Program { lanes: Lanes::L4, n_args: 1, n_values, sections: vec![Section::Straight(insts)] }
}

/// Loads %0, then carries it: %1 is the param, %2 its square root in the body, %3 the result.
fn looped() -> Program {
    let mut b = ProgramBuilder::new(Lanes::L4);
    let arg = b.arg();
    let x = b.load(HERE);
    let param = b.begin_loop(Count::Arg(arg), &[x])[0];
    let next = b.sqrt(param);
    let result = b.end_loop(&[next])[0];
    b.store(HERE, result);
    b.finish()
}

fn edit_loop(program: &mut Program, edit: impl FnOnce(&mut Loop)) -> Result<(), VerifyError> {
    let Section::Loop(body) = &mut program.sections[1] else { panic!("the loop comes second") };
    edit(body);
    verify(program)
}

fn at(section: usize, inst: usize) -> Place {
    Place { section, inst: Some(inst) }
}

#[test]
fn good_programs_pass() {
    assert_eq!(verify(&straight([Op::Load(HERE), Op::Sqrt(Value(0)), Op::Store(HERE, Value(1))])), Ok(()));
    assert_eq!(verify(&looped()), Ok(()));
}

#[test]
fn ids_are_dense_and_defined_once() {
    let mut program = straight([Op::LaneIndex, Op::LaneIndex]);
    program.n_values = 1;
    let too_large = VerifyError::IdTooLarge { place: at(0, 1), value: Value(1), n_values: 1 };
    assert_eq!(verify(&program), Err(too_large));
    program.n_values = 3;
    assert_eq!(verify(&program), Err(VerifyError::NeverDefined { value: Value(2), n_values: 3 }));

    let twice = edit_loop(&mut looped(), |body| body.carried[0].result = Value(2));
    let place = Place { section: 1, inst: None };
    assert_eq!(twice, Err(VerifyError::DefinedTwice { place, value: Value(2) }));
}

#[test]
fn operands_are_defined_before() {
    let not_visible = |place, id| Err(VerifyError::NotVisible { place, value: Value(id) });
    assert_eq!(verify(&straight([Op::Sqrt(Value(0))])), not_visible(at(0, 0), 0));
    assert_eq!(verify(&straight([Op::Store(HERE, Value(9))])), not_visible(at(0, 0), 9));

    let head = Place { section: 1, inst: None };
    let init = edit_loop(&mut looped(), |body| body.carried[0].init = Value(1));
    assert_eq!(init, not_visible(head, 1));
    let next = edit_loop(&mut looped(), |body| body.carried[0].next = Value(3));
    assert_eq!(next, not_visible(head, 3));
    let result_in_body = edit_loop(&mut looped(), |body| body.body[0].op = Op::Sqrt(Value(3)));
    assert_eq!(result_in_body, not_visible(at(1, 0), 3));
}

#[test]
fn values_of_a_loop_are_not_visible_after_it() {
    for id in [1, 2] {
        let mut program = looped();
        program.sections[2] = Section::Straight(vec![Inst {
            result: None,
            op: Op::Store(HERE, Value(id)),
            mark: Mark::default(),
        }]);
        assert_eq!(verify(&program), Err(VerifyError::NotVisible { place: at(2, 0), value: Value(id) }));
    }
}

#[test]
fn a_carried_value_may_take_another_param() {
    let mut program = looped();
    program.n_values = 6;
    let swapped = edit_loop(&mut program, |body| {
        body.carried.push(Carried { init: Value(0), param: Value(4), next: Value(1), result: Value(5) });
    });
    assert_eq!(swapped, Ok(()));
}

#[test]
fn all_but_stores_define_a_value() {
    let mut program = straight([Op::LaneIndex, Op::Store(HERE, Value(0))]);
    let Section::Straight(insts) = &mut program.sections[0] else { panic!("straight") };
    insts[1].result = Some(Value(1));
    let store = VerifyError::NoResult { place: at(0, 1), value: Value(1) };
    assert_eq!(verify(&program), Err(store));
    let Section::Straight(insts) = &mut program.sections[0] else { panic!("straight") };
    insts[0].result = None;
    assert_eq!(verify(&program), Err(VerifyError::MissingResult { place: at(0, 0) }));
}

#[test]
fn arguments_exist() {
    let no_arg = |place| Err(VerifyError::NoSuchArg { place, arg: 1, n_args: 1 });
    assert_eq!(verify(&straight([Op::Load(Address { arg: 1, ..HERE })])), no_arg(at(0, 0)));
    let count = edit_loop(&mut looped(), |body| body.count = Count::Arg(1));
    assert_eq!(count, no_arg(Place { section: 1, inst: None }));
}

#[test]
fn immediates_are_in_range() {
    let fails = |op: Op| verify(&straight([Op::LaneIndex, op])).unwrap_err();
    let (place, a) = (at(0, 1), Value(0));
    let stepping = Address { step: 4, ..HERE };
    assert_eq!(fails(Op::Load(stepping)), VerifyError::StepOutsideLoop { place, step: 4 });
    for count in [0, 4] {
        let tail = VerifyError::TailCount { place, count, lanes: 4 };
        assert_eq!(fails(Op::LoadTail(HERE, count)), tail);
        assert_eq!(fails(Op::StoreTail(HERE, a, count)), tail);
    }
    for op in [Op::Shl(a, 32), Op::ShrU(a, 32), Op::ShrS(a, 32)] {
        assert_eq!(fails(op), VerifyError::ShiftAmount { place, amount: 32 });
    }
    for distance in [0, 3, 4] {
        let swap = VerifyError::SwapDistance { place, distance, lanes: 4 };
        assert_eq!(fails(Op::SwapLanes(a, distance)), swap);
    }
}
