//! Kernels built by hand.

use dl_codegen::kernel::{Arg, BufferUse, Index, Kernel, Stmt, Term, Tile};
use dl_codegen::vector::{Address, Count, Lanes, Program, ProgramBuilder, Value};
use dl_runtime::program::{Blocks, Element, Extent};

/// The columns of [`rows`].
pub const WIDTH: usize = 37;
/// The elements of [`flat`].
pub const FLAT: usize = 1003;

/// y = 3·x − 1 over [`FLAT`] elements. A task is 16 elements.
pub fn flat(lanes: Lanes) -> Kernel {
    let mut b = ProgramBuilder::new(lanes);
    let step = lanes.bytes() as i32;
    let [x, y] = [(); 2].map(|()| Address { arg: b.arg(), offset: 0, step });
    let count = Count::Arg(b.arg());
    let (three, one) = (b.f32(3.0), b.f32(1.0));
    b.begin_loop(count, &[]);
    let value = b.load(x);
    let value = b.mul(value, three);
    let value = b.sub(value, one);
    b.store(y, value);
    b.end_loop(&[]);

    let vectors_per_task = (16 / lanes.count()) as i64;
    let start = || Index::term(Term::Begin, 64);
    let count = Index::term(Term::End, vectors_per_task).plus(Index::term(Term::Begin, -vectors_per_task));
    let run = Stmt::Run {
        program: 0,
        args: vec![pointer(0, start()), pointer(1, start()), Arg::Count(vec![count])],
    };
    Kernel {
        buffers: vec![read(Extent::fixed(FLAT)), write(Extent::fixed(FLAT))],
        programs: vec![b.finish()],
        n_vars: 0,
        body: vec![run],
        tasks: Blocks { of: Extent::fixed(FLAT), size: 16 },
    }
}

/// y[i, j] = x[i, j] · x[i, 0] + bias[j] over rows of [`WIDTH`]. A task is a row.
pub fn rows(lanes: Lanes) -> Kernel {
    let elements = Extent { fixed: 0, per_example: WIDTH };
    let steps = [4, 2, 1];
    let row = || Index::term(Term::Var(0), 4 * WIDTH as i64);
    let args = || vec![pointer(0, row()), pointer(1, Index::default()), pointer(2, row())];
    Kernel {
        buffers: vec![read(elements), read(Extent::fixed(WIDTH)), write(elements)],
        programs: steps.map(|n_rows| rows_program(lanes, n_rows)).to_vec(),
        n_vars: 1,
        body: vec![over_tasks(0, &steps, |program| vec![Stmt::Run { program, args: args() }])],
        tasks: Extent { fixed: 0, per_example: 1 }.into(),
    }
}

/// The rows of the table of [`picked`].
pub const PICKED: usize = 5;

/// y[i] = table[index[i]], rows of [`WIDTH`]. A task is a row.
pub fn picked(lanes: Lanes) -> Kernel {
    let mut b = ProgramBuilder::new(lanes);
    let [table, y] = [(); 2].map(|()| b.arg());
    for (column, count) in vectors(WIDTH, lanes) {
        let at = |arg| Address { arg, offset: 4 * column as i32, step: 0 };
        let value = b.load_tail(at(table), count);
        b.store_tail(at(y), value, count);
    }
    let row = |var| Index::term(Term::Var(var), 4 * WIDTH as i64);
    let load = Stmt::Load { var: 1, buffer: 1, offset: Index::term(Term::Var(0), 4), limit: PICKED };
    let run = Stmt::Run { program: 0, args: vec![pointer(0, row(1)), pointer(2, row(0))] };
    let per_example = |per_example| Extent { fixed: 0, per_example };
    let indices = BufferUse { element: Element::I32, ..read(per_example(1)) };
    Kernel {
        buffers: vec![read(Extent::fixed(PICKED * WIDTH)), indices, write(per_example(WIDTH))],
        programs: vec![b.finish()],
        n_vars: 2,
        body: vec![over_tasks(0, &[1], |_| vec![load.clone(), run.clone()])],
        tasks: per_example(1).into(),
    }
}

fn rows_program(lanes: Lanes, n_rows: usize) -> Program {
    let mut b = ProgramBuilder::new(lanes);
    let [x, bias, y] = [(); 3].map(|()| b.arg());
    let at = |arg, row: usize, column: usize| Address {
        arg,
        offset: (4 * (row * WIDTH + column)) as i32,
        step: 0,
    };
    for row in 0..n_rows {
        let first = b.broadcast(at(x, row, 0));
        for (column, count) in vectors(WIDTH, lanes) {
            let value = b.load_tail(at(x, row, column), count);
            let bias = b.load_tail(at(bias, 0, column), count);
            let value = b.fma(value, first, bias);
            b.store_tail(at(y, row, column), value, count);
        }
    }
    b.finish()
}

/// The shape of a matrix product [batch, k]·[k, n]: what is fixed of it.
#[derive(Clone, Copy)]
pub struct Shape {
    pub k: usize,
    pub n: usize,
}

/// c = a·b, in tiles of 4, 2 and 1 rows by two, one, and part of a vector. A task is a row.
pub fn matmul(lanes: Lanes, shape: Shape) -> Kernel {
    let Shape { k, n } = shape;
    let row_steps = [4, 2, 1];
    let width = lanes.count();
    let column_steps = [2 * width, width];
    let tail = n % width;
    let mut programs = Vec::new();
    for n_rows in row_steps {
        let widths = column_steps.into_iter().chain((tail > 0).then_some(tail));
        programs.extend(widths.map(|columns| matmul_tile(lanes, shape, n_rows, columns)));
    }
    let per_row = programs.len() / row_steps.len();
    let args = |column: Index| {
        let row = |elements: usize| Index::term(Term::Var(0), 4 * elements as i64);
        vec![pointer(0, row(k)), pointer(1, column.clone()), pointer(2, row(n).plus(column))]
    };
    let body = over_tasks(0, &row_steps, |row_tile| {
        let first = row_tile * per_row;
        let run = |program, column| Stmt::Run { program, args: args(column) };
        let tiles = column_steps.iter().enumerate().map(|(idx, &step)| {
            let body = vec![run(first + idx, Index::term(Term::Var(1), 4))];
            Tile { step, body }
        });
        let end = vec![Index::constant(n as i64)];
        let mut body = vec![Stmt::For { var: 1, begin: Index::default(), end, tiles: tiles.collect() }];
        if tail > 0 {
            body.push(run(first + column_steps.len(), Index::constant(4 * (n - tail) as i64)));
        }
        body
    });
    Kernel {
        buffers: vec![
            read(Extent { fixed: 0, per_example: k }),
            read(Extent::fixed(k * n)),
            write(Extent { fixed: 0, per_example: n }),
        ],
        programs,
        n_vars: 2,
        body: vec![body],
        tasks: Extent { fixed: 0, per_example: 1 }.into(),
    }
}

/// An accumulator for each row and vector of columns, over k in order.
fn matmul_tile(lanes: Lanes, Shape { k, n }: Shape, n_rows: usize, columns: usize) -> Program {
    let mut p = ProgramBuilder::new(lanes);
    let [a, b, c] = [(); 3].map(|()| p.arg());
    let vectors: Vec<(usize, u8)> = vectors(columns, lanes).collect();
    let zero = p.f32(0.0);
    let mut sums = p.begin_loop(Count::Static(k as u32), &vec![zero; n_rows * vectors.len()]);
    let row_of_b: Vec<Value> = vectors
        .iter()
        .map(|&(column, count)| {
            p.load_tail(Address { arg: b, offset: 4 * column as i32, step: 4 * n as i32 }, count)
        })
        .collect();
    for (row, sums) in sums.chunks_mut(vectors.len()).enumerate() {
        let element = p.broadcast(Address { arg: a, offset: (4 * row * k) as i32, step: 4 });
        for (sum, &b) in sums.iter_mut().zip(&row_of_b) {
            *sum = p.fma(element, b, *sum);
        }
    }
    let sums = p.end_loop(&sums);
    for (row, sums) in sums.chunks(vectors.len()).enumerate() {
        for (&sum, &(column, count)) in sums.iter().zip(&vectors) {
            let address = Address { arg: c, offset: (4 * (row * n + column)) as i32, step: 0 };
            p.store_tail(address, sum, count);
        }
    }
    p.finish()
}

/// The first column of each vector in a row, and how many of its lanes are used.
fn vectors(columns: usize, lanes: Lanes) -> impl Iterator<Item = (usize, u8)> {
    let width = lanes.count();
    (0..columns).step_by(width).map(move |column| (column, width.min(columns - column) as u8))
}

fn over_tasks(var: usize, steps: &[usize], body: impl Fn(usize) -> Vec<Stmt>) -> Stmt {
    let tiles = steps.iter().enumerate().map(|(idx, &step)| Tile { step, body: body(idx) });
    let (begin, end) = (Index::term(Term::Begin, 1), vec![Index::term(Term::End, 1)]);
    Stmt::For { var, begin, end, tiles: tiles.collect() }
}

fn pointer(buffer: usize, offset: Index) -> Arg {
    Arg::Pointer { buffer, offset }
}

fn read(elements: Extent) -> BufferUse {
    BufferUse { element: Element::F32, elements, reads: true, writes: false }
}

fn write(elements: Extent) -> BufferUse {
    BufferUse { element: Element::F32, elements, reads: false, writes: true }
}
