"""What the benches of the host share: nodes that send, brokers, and the stacks people would write instead."""
