"""What tests share: strategies, oracles, small backbones, readers of files. No test stands here."""
