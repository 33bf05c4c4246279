"""What drafts an answer: the Model protocol, the extractive model; later Bedrock and others."""
