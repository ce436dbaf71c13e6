"""Moves in, assessments out: what a move would do, to whom, how likely and how soon, with every point explained."""
