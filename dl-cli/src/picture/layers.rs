//! Layers as a diagram.

use dl::inspect::layer_text;
use dl_ir::layers::CheckedLayer;
use dl_ir::network::Network;

use super::fold::{Part, fold};
use super::{Diagram, TextBox};

/// The layers of a network with shapes along the arrows, and the places where they stand if these are wanted; equal ones that follow each
/// other are drawn once.
pub fn layers(network: &Network, locations: bool) -> Diagram {
    let mut drawing = Drawing { diagram: Diagram::default(), locations };
    let input = drawing.diagram.add(plain("input", None));
    let last = drawing.chain(network.layers(), input, None);
    let mut diagram = drawing.diagram;
    let output = diagram.add(plain("output", None));
    diagram.connect(last, output, shape(network.output_shape()));
    let training = vec![format!("loss = {}", network.loss().name()), network.optimizer().to_string()];
    diagram.boxes[output].lines = training;
    diagram
}

/// A diagram in the making.
struct Drawing {
    diagram: Diagram,
    locations: bool,
}

impl Drawing {
    /// Draws a list of layers behind a box; gives the last box.
    fn chain(&mut self, layers: &[CheckedLayer], from: usize, frame: Option<usize>) -> usize {
        let text = |layer: &CheckedLayer| layer.rule.text(&layer.arguments);
        let texts: Vec<_> = layers.iter().map(|layer| (text(layer), &layer.input, &layer.output)).collect();
        self.parts(layers, &fold(&texts), from, frame)
    }

    fn parts(&mut self, layers: &[CheckedLayer], parts: &[Part], from: usize, frame: Option<usize>) -> usize {
        parts.iter().fold(from, |from, part| match part {
            Part::One(index) => self.layer(&layers[*index], from, frame),
            Part::Repeated { count, parts: inside, .. } => {
                let repeated = self.diagram.frame(format!("{count} times"), frame);
                self.parts(layers, inside, from, Some(repeated))
            }
        })
    }

    fn layer(&mut self, layer: &CheckedLayer, from: usize, frame: Option<usize>) -> usize {
        let label = shape(&layer.input);
        let place = layer.origin.as_ref().filter(|_| self.locations).map(|origin| origin.source());
        if !layer.arguments.body.is_empty() {
            let around = self.diagram.frame(place.unwrap_or_else(|| layer.name.clone()), frame);
            let last = self.chain(&layer.arguments.body, from, Some(around));
            let sum = self.diagram.add(plain("+", Some(around)));
            self.diagram.connect(last, sum, shape(&layer.output));
            self.diagram.connect(from, sum, label);
            return sum;
        }
        let mut lines = vec![layer_text(layer.rule.name(), &layer.arguments.text())];
        let n_parameters: usize =
            layer.parameters().iter().map(|(_, parameter)| parameter.shape.iter().product::<usize>()).sum();
        if n_parameters > 0 {
            lines.push(format!("{} parameters", dl::inspect::units::count(n_parameters)));
        }
        let source = place.unwrap_or_default();
        let drawn = TextBox { title: layer.name.clone(), source, lines, frame, ..TextBox::default() };
        let drawn = self.diagram.add(drawn);
        self.diagram.connect(from, drawn, label);
        drawn
    }
}

fn plain(title: &str, frame: Option<usize>) -> TextBox {
    TextBox { title: title.to_owned(), frame, ..TextBox::default() }
}

fn shape(sizes: &[usize]) -> String {
    format!("{sizes:?}")
}
