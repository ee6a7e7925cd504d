terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

variable "endpoint" {
  default = "http://127.0.0.1:4566"
}

provider "aws" {
  region                      = "us-east-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = false

  endpoints {
    lambda         = var.endpoint
    iam            = var.endpoint
    sts            = var.endpoint
    logs           = var.endpoint
    cloudwatchlogs = var.endpoint
  }
}

data "aws_caller_identity" "me" {}

resource "aws_iam_role" "worker" {
  name = "terraform-worker"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "lambda.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
  tags = { made-by = "terraform" }
}

resource "aws_iam_role_policy_attachment" "logs" {
  role       = aws_iam_role.worker.name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
}

resource "aws_iam_role_policy" "own" {
  name = "own"
  role = aws_iam_role.worker.id
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = ["s3:GetObject"], Resource = "*" }]
  })
}

resource "aws_cloudwatch_log_group" "hello" {
  name              = "/aws/lambda/terraform-hello"
  retention_in_days = 7
}

resource "aws_lambda_function" "hello" {
  function_name    = "terraform-hello"
  role             = aws_iam_role.worker.arn
  runtime          = "python3.11"
  handler          = "app.handler"
  filename         = "${path.module}/hello.zip"
  source_code_hash = filebase64sha256("${path.module}/hello.zip")
  memory_size      = 192
  timeout          = 10
  environment {
    variables = { GREETING = "Hello" }
  }
  tags       = { made-by = "terraform" }
  depends_on = [aws_cloudwatch_log_group.hello, aws_iam_role_policy_attachment.logs]
}

resource "aws_lambda_permission" "events" {
  statement_id  = "events"
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.hello.function_name
  principal     = "events.amazonaws.com"
  source_arn    = "arn:aws:events:us-east-1:${data.aws_caller_identity.me.account_id}:rule/any"
}

resource "aws_lambda_invocation" "hello" {
  function_name = aws_lambda_function.hello.function_name
  input         = jsonencode({ name = "Terraform" })
}

output "answer" {
  value = jsondecode(aws_lambda_invocation.hello.result)
}
