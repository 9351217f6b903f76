"""A leaderboard that any tool can enter: what a frozen version shows is exported, and labels from a file are scored."""
