# The examples plan: `terraform test -test-directory=examples -var-file=examples/small-lab/gas.tfvars`.

mock_provider "aws" {
  override_during = plan
  source          = "./tests/mocks"
}

run "plans" {
  command = plan

  assert {
    condition     = output.url == "https://gas.example.org"
    error_message = "The example's site is elsewhere than it says."
  }
}
