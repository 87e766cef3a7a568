"""What of a design closes on its orbit, in numbers before it flies. Changes nothing, flies nothing."""
