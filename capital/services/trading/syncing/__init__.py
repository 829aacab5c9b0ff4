"""Reading fills and flows from exchanges by themselves: question by question, from a cursor on."""
