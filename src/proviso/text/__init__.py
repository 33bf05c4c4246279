"""Text as such: normalising, sentences, terms, similarity."""
