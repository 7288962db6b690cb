"""What several tests share: builders and strategies."""
