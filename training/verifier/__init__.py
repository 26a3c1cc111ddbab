"""Training the verifier: claims with their evidence, from public sets and made by rule, and the loop over them."""
