"""What an administrator makes once at services of the reader's own: users, rules, topics, buckets. Safe to repeat."""
