//! Layers as a diagram.

use dl::inspect::layer_text;
use dl_ir::layers::CheckedLayer;
use dl_ir::network::Network;

use super::fold::{Part, fold};
use super::{Diagram, TextBox, Tone};

/// The layers of a network with shapes along the arrows; equal ones that follow each other are drawn once.
pub fn layers(network: &Network) -> Diagram {
    let mut diagram = Diagram::default();
    let input = diagram.add(plain("input", None));
    let last = chain(&mut diagram, network.layers(), input, None);
    let output = diagram.add(plain("output", None));
    diagram.connect(last, output, shape(network.output_shape()));
    let training = vec![format!("loss = {}", network.loss().name()), network.optimizer().to_string()];
    diagram.boxes[output].lines = training;
    diagram
}

/// Draws a list of layers behind a box; gives the last box.
fn chain(diagram: &mut Diagram, layers: &[CheckedLayer], from: usize, frame: Option<usize>) -> usize {
    let texts: Vec<_> =
        layers.iter().map(|layer| (layer.rule.text(&layer.arguments), &layer.input, &layer.output)).collect();
    parts(diagram, layers, &fold(&texts), from, frame)
}

fn parts(
    diagram: &mut Diagram,
    layers: &[CheckedLayer],
    parts_of: &[Part],
    from: usize,
    frame: Option<usize>,
) -> usize {
    parts_of.iter().fold(from, |from, part| match part {
        Part::One(index) => layer(diagram, &layers[*index], from, frame),
        Part::Repeated { count, parts: inside, .. } => {
            let repeated = diagram.frame(format!("{count} times"), frame);
            parts(diagram, layers, inside, from, Some(repeated))
        }
    })
}

fn layer(diagram: &mut Diagram, layer: &CheckedLayer, from: usize, frame: Option<usize>) -> usize {
    let label = shape(&layer.input);
    if !layer.arguments.body.is_empty() {
        let around = diagram.frame(layer.name.clone(), frame);
        let last = chain(diagram, &layer.arguments.body, from, Some(around));
        let sum = diagram.add(plain("+", Some(around)));
        diagram.connect(last, sum, shape(&layer.output));
        diagram.connect(from, sum, label);
        return sum;
    }
    let mut lines = vec![layer_text(layer.rule.name(), &layer.arguments.text())];
    let n_parameters: usize =
        layer.parameters().iter().map(|(_, parameter)| parameter.shape.iter().product::<usize>()).sum();
    if n_parameters > 0 {
        lines.push(format!("{} parameters", dl::inspect::units::count(n_parameters)));
    }
    let drawn = diagram.add(TextBox { title: layer.name.clone(), lines, frame, tone: Tone::Plain });
    diagram.connect(from, drawn, label);
    drawn
}

fn plain(title: &str, frame: Option<usize>) -> TextBox {
    TextBox { title: title.to_owned(), lines: Vec::new(), frame, tone: Tone::Plain }
}

fn shape(sizes: &[usize]) -> String {
    format!("{sizes:?}")
}
