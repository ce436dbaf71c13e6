"""How the scorer is measured and described: bills replayed from filing on, scorecards, and the generated parts of docs/methodology."""
