/** Exponents that are tried, smallest first: below 1 where the model is too sure of itself. */
const TEMPERATURES = [0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.1, 1.2];

/** A model's probabilities to a power, as log priors with rows that sum to 1 before the log; none is below 1e-12. */
export function logPrior(probabilities: Float64Array, classes: number, exponent: number): Float64Array {
  const prior = new Float64Array(probabilities.length);
  for (let from = 0; from < prior.length; from += classes) {
    let sum = 0;
    for (let k = from; k < from + classes; k++) {
      prior[k] = Math.max(probabilities[k]!, 1e-12) ** exponent;
      sum += prior[k]!;
    }
    for (let k = from; k < from + classes; k++) prior[k] = Math.log(prior[k]! / sum);
  }
  return prior;
}

/**
 * The exponent that makes a model's out-of-fold probabilities tell the truth: the one under which gold and the human answers
 * are likeliest (temperature scaling, Guo and others 2017, with the human likelihood where there is no gold). Images without
 * gold or answers say nothing. Buying more for unsure images does not bias it: what was bought followed from what was seen.
 *
 * `likelihood`: images x classes, of the human answers alone. 1 where nothing is known; the smaller among equals.
 */
export function priorExponent(known: {
  classes: number;
  probabilities: Float64Array;
  likelihood: Float64Array;
  answers: Int32Array;
  gold: Int32Array;
}): number {
  const { classes, probabilities, likelihood, answers, gold } = known;
  const told = Array.from(answers.keys()).filter((i) => answers[i]! > 0 || gold[i]! >= 0);
  if (told.length === 0) return 1;
  let best = 1;
  let most = Number.NEGATIVE_INFINITY;
  for (const exponent of TEMPERATURES) {
    const prior = logPrior(probabilities, classes, exponent);
    let evidence = 0;
    for (const i of told) {
      if (gold[i]! >= 0) {
        evidence += prior[i * classes + gold[i]!]!;
        continue;
      }
      let sum = 0;
      for (let k = i * classes; k < (i + 1) * classes; k++) sum += Math.exp(prior[k]!) * likelihood[k]!;
      evidence += Math.log(sum);
    }
    if (evidence > most) {
      most = evidence;
      best = exponent;
    }
  }
  return best;
}
