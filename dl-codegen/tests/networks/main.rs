//! Whole functions of networks, at odd sizes and every width: compiled code against the interpreters of graphs and of
//! kernels, and against itself.

mod against_graphs;
mod against_kernels;
mod alone;
mod executor;
mod generate;
mod locations;
mod random;
mod same_bits;
mod second_order;
mod subject;
mod why;
