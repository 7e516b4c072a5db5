"""What is said on the wire and between the blocks: messages, schemas, and the assessment an analyser
gives."""
