"""Arrays that published implementations computed, and the weights and inputs behind them."""
