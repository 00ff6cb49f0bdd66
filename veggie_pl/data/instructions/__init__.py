"""Words: templates of instructions, what a request asks for, and what no model can be asked."""
