"""Text in and out: screening, masking, refused purposes, disallowed content, verification of drafts."""
