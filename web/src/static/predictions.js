// Outputs of the reader for one image: `length`, `digits`, `confidence`, `crop` and so on, as in
// number_zoo/predictions.py.

// The digits; "+" where there are more than the model has places.
export const numberOf = ({ length, digits }) => (length > digits.length ? "+" : digits.slice(0, length).join(""));

// The confidence of the number; 0 where there is none.
export const numberConfidence = ({ length, confidence }) => (length ? confidence : 0);
